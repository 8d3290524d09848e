// What a command is: a value. Parsing, help, completion and the reference page derive from it; nothing else knows
// a command's flags. Must stay plain data plus one handler.
import type { Flags } from './flags.ts';
import type { InputStream } from './host.ts';
import type { Context, Library } from './library.ts';
import type { Output } from './output.ts';

export interface OptionSpec {
  /** Long name without dashes. A name that begins with `no-` is a switch like any other. */
  name: string;
  /** One letter without its dash. */
  short?: string;
  /** Name of the value in help, in capitals; absent: a switch. */
  value?: string;
  /** May be given more than once; every value counts. */
  repeatable?: true;
  /** The only values there are. */
  choices?: readonly string[];
  /** Its values are names of a cage's snapshots: completion asks for them. */
  snapshots?: true;
  /** Names of options that cannot stand beside this one. */
  conflicts?: readonly string[];
  /** Part of the contract, refused by this version, and what to do instead. */
  notYet?: { hint: string; /** Values that ask for nothing, and so are fine. */ except?: readonly string[] };
  summary: string;
}

export interface ArgumentSpec {
  /** In capitals, as help shows it. */
  name: string;
  summary: string;
  required: boolean;
  /** Only the last argument: takes all that is left. */
  repeatable?: true;
  /** Words that it can be, for completion. */
  offered?: readonly { name: string; summary: string }[];
  /** It is the name of a cage's snapshot: completion asks for them. */
  snapshots?: true;
}

export interface Command {
  kind: 'command';
  /** Every word behind `ironcage`: `run`, `policy allow`. */
  name: string;
  /** One line, no full stop. */
  summary: string;
  /** Further lines of help, each a sentence or two. */
  notes?: readonly string[];
  /** Given words are matched so that required arguments are served first: an optional one may lead. */
  arguments: readonly ArgumentSpec[];
  options: readonly OptionSpec[];
  /** What stands behind `--`; absent: `--` only ends the options. */
  passed?: { name: string; summary: string; required: boolean };
  examples: readonly [Example, ...Example[]];
  /** Returns the exit code; throws IronError. */
  handler(invocation: Invocation, session: Session): Promise<number>;
}

export interface Example {
  /** The whole line as it is typed. */
  line: string;
  /** What it does, for people. */
  does: string;
}

/** A word that only leads to other commands: `policy`, `secret`, `agents`. */
export interface CommandGroup {
  kind: 'group';
  name: string;
  summary: string;
  commands: readonly Command[];
}

/** One call of a command, parsed. */
export interface Invocation {
  /** The words given for an argument, by its name; empty when it was left out. */
  words: (name: string) => readonly string[];
  /** The single word given for an argument. */
  word: (name: string) => string | undefined;
  /** What stood behind `--`; undefined when there was no `--`. */
  passed: readonly string[] | undefined;
  flags: Flags;
}

export interface Opened {
  library: Library;
  context: Context;
}

/** What a handler may use besides its arguments. */
export interface Session {
  output: Output;
  stdin: InputStream;
  cwd: string;
  /** Someone can be asked: stdin is a terminal. */
  interactive: boolean;
  /** stdin and stdout are both terminals: a program inside gets one of its own. */
  terminal: boolean;
  /** The library, loaded on first need. */
  open: () => Promise<Opened>;
  /** Every command there is: for completion. */
  allCommands: () => Promise<(Command | CommandGroup)[]>;
}

/** Accepted by every command, before and after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: 'json', summary: 'print JSON instead of text; errors too, on stderr' },
  { name: 'home', value: 'DIR', summary: 'data root, instead of IRONCAGE_HOME or $XDG_DATA_HOME/ironcage' },
  { name: 'quiet', summary: 'no progress and no summary on stderr' },
  { name: 'verbose', summary: 'in more detail; with a bug: where it happened' },
  { name: 'no-color', summary: 'no colours (also NO_COLOR, and whenever stdout is no terminal)' },
];
