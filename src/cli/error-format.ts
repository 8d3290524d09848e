// The one shape of an error: what happened, why, what to do. Shared by every command; must not decide exit codes.
import type { IronError } from '../platform/errors.ts';
import type { Span } from './span.ts';

/** The lines for people: `error[E_CODE]: …`, `because: …`, `try: …`. */
export function formatError(error: IronError, verbose: boolean): Span[][] {
  return [
    [['red', `error[${error.code}]`], ': ', ['bold', error.message]],
    ...reasonsOf(error).map((reason, index): Span[] =>
      index === 0 ? [['dim', 'because'], ': ', reason] : ['         ', reason],
    ),
    [['green', 'try'], ': ', error.hint],
    ...(verbose ? stackOf(error).map((line): Span[] => [['dim', line]]) : []),
  ];
}

export function formatErrorJson(error: IronError, verbose: boolean): object {
  return {
    error: {
      code: error.code,
      message: error.message,
      because: reasonsOf(error).join('\n'),
      hint: error.hint,
      details: error.details,
      ...(verbose ? { stack: stackOf(error) } : {}),
    },
  };
}

/** Where the thrower gave no reason, the class of the failure is the reason: it says whose turn it is. */
function reasonsOf({ because = '', reasons, exitCode }: IronError): readonly string[] {
  if (because !== '') return reasons;
  switch (exitCode) {
    case 2:
      return ['the command line, a name or a setting is not valid as given'];
    case 125:
      return ['this machine, or the state of the cage, does not allow it'];
    case 126:
      return ['a protection of ironcage refuses it'];
    default:
      return ['something happened that the code does not expect'];
  }
}

function stackOf(error: IronError): string[] {
  const origin = error.cause instanceof Error ? error.cause : error;
  return (origin.stack ?? String(origin)).split('\n').map((line) => line.trimEnd());
}
