// The options of one call, read by name and kind. A handler that asks for an option its command does not declare is
// a bug and stops at once, instead of reading "not given" for ever.
import { IronError } from '../platform/errors.ts';

export interface Flags {
  /** Whether a switch was given. */
  on(name: string): boolean;
  /** The value of an option, the last one given. */
  text(name: string): string | undefined;
  /** Every value of a repeatable option, in order. */
  list(name: string): string[];
}

export type FlagValue =
  | { kind: 'switch'; given: boolean }
  | { kind: 'text'; text: string | undefined }
  | { kind: 'list'; list: readonly string[] };

export function createFlags(values: ReadonlyMap<string, FlagValue>): Flags {
  const read = <K extends FlagValue['kind']>(name: string, kind: K): Extract<FlagValue, { kind: K }> => {
    const value = values.get(name);
    if (value !== undefined && isKind(value, kind)) return value;
    throw new IronError('E_BUG', {
      message: `this is a bug in ironcage: the option --${name} was read as ${kind}, which its command does not declare`,
      hint: 'report it with the command line that you typed',
    });
  };
  return {
    on: (name) => read(name, 'switch').given,
    text: (name) => read(name, 'text').text,
    list: (name) => [...read(name, 'list').list],
  };
}

function isKind<K extends FlagValue['kind']>(value: FlagValue, kind: K): value is Extract<FlagValue, { kind: K }> {
  return value.kind === kind;
}
