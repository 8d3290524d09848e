// Every mistake in the command line in the one error format, with what to type instead.
import { CommanderError } from 'commander';
import { IronError } from '../platform/errors.ts';

export function usageError(message: string, parts: { because?: string; hint: string }): IronError {
  return new IronError('E_USAGE', { message, because: parts.because, hint: parts.hint });
}

/** Translates what the parser says; `path` is the command as typed, `ironcage policy allow`. */
export function fromCommander(error: CommanderError, path: string, passes: boolean): IronError {
  const [first = 'the command line cannot be read', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /^\(Did you mean (.+)\?\)$/.exec(rest.join(' '))?.[1];
  const [message = first, allowed] = first.split(/\. Allowed choices are /);
  const help = `${path} --help`;
  const elsewhere = passes ? `; what is meant for the program inside stands behind --` : '';
  // What stands behind an equals sign may be a value that was meant to stay out of sight.
  return usageError(message.replace(/\.$/, '').replace(/^(unknown option '[^'=]+)=.*'$/s, "$1'"), {
    because: reason(error.code, path, allowed),
    hint:
      suggestion === undefined
        ? `${help} shows what there is${elsewhere}`
        : `did you mean ${suggestion}? (${help} shows all)`,
  });
}

function reason(code: string, path: string, allowed: string | undefined): string {
  if (allowed !== undefined) return `allowed are ${allowed.replace(/\.$/, '')}`;
  switch (code) {
    case 'commander.unknownOption':
      return `${path} has no such option`;
    case 'commander.unknownCommand':
      return `${path} has no such command`;
    case 'commander.optionMissingArgument':
      return 'the option needs a value';
    case 'commander.conflictingOption':
      return 'the two contradict each other';
    default:
      return `${path} cannot be called like this`;
  }
}
