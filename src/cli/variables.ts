// `--env NAME=VALUE` of one call.
import { usageError } from './usage-error.ts';

/** Throws E_USAGE. */
export function parseVariables(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair): [string, string] => {
    const equals = pair.indexOf('=');
    if (equals > 0) return [pair.slice(0, equals), pair.slice(equals + 1)];
    // The text may hold a value that was meant to stay out of sight: it is not repeated.
    throw usageError('--env needs NAME=VALUE', {
      because: 'there is no name before an equals sign',
      hint: 'write --env NAME=VALUE',
    });
  });
  return Object.fromEntries(entries);
}
