// argv of one command → Invocation, or its help. The parser is commander's; which words serve which argument is
// decided here, because an optional cage may lead. Must not look at the world.
import { Command as Parser, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  GLOBAL_OPTIONS,
  type ArgumentSpec,
  type Command,
  type Example,
  type Invocation,
  type OptionSpec,
} from './command.ts';
import { createFlags, type FlagValue } from './flags.ts';
import { fromCommander, usageError } from './usage-error.ts';

export type Parsed = { kind: 'help'; text: string } | { kind: 'invocation'; invocation: Invocation };

const HELP_WIDTH = 100;

export function parseCommand(command: Command, argv: readonly string[]): Parsed {
  const end = command.passed === undefined ? -1 : argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const passed = end === -1 ? undefined : argv.slice(end + 1);
  const options = [...command.options, ...GLOBAL_OPTIONS];
  let help = '';
  const parser = createParser(`ironcage ${command.name}`, options, (text) => (help += text));
  describe(parser, command);
  try {
    parser.parse([...own], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { kind: 'help', text: help };
    throw fromCommander(error, `ironcage ${command.name}`, command.passed !== undefined);
  }
  const flags = new Map(options.map((option) => [option.name, readFlag(option, parser.opts())]));
  for (const option of command.options) refuseNotYet(option, flags.get(option.name));
  const words = assignWords(command, parser.args);
  if (command.passed?.required === true && (passed === undefined || passed.length === 0)) {
    throw usageError(`no ${command.passed.name} was given`, {
      because: `it stands behind --: ${usageOf(command)}`,
      hint: command.examples[0].line,
    });
  }
  const invocation: Invocation = {
    words: (name) => words.get(name) ?? [],
    word: (name) => words.get(name)?.[0],
    passed,
    flags: createFlags(flags),
  };
  return { kind: 'invocation', invocation };
}

/** A commander parser that throws instead of exiting and prints to `onHelp` only. */
export function createParser(name: string, options: readonly OptionSpec[], onHelp: (text: string) => void): Parser {
  const parser = new Parser(name)
    .exitOverride()
    .helpCommand(false)
    .helpOption('-h, --help', 'show this help')
    .allowExcessArguments(true)
    .configureHelp({ helpWidth: HELP_WIDTH })
    .configureOutput({ writeOut: onHelp, writeErr: () => undefined, getOutHasColors: () => false });
  for (const spec of options) parser.addOption(toOption(spec));
  return parser;
}

/** `ironcage run [options] AGENT [DIR] [-- ARGS…]` */
export function usageOf(command: Command): string {
  return `ironcage ${command.name} ${argumentUsage(command)}`.trim();
}

function argumentUsage(command: Command): string {
  const words = command.arguments.map((argument) => {
    const name = argument.repeatable ? `${argument.name}…` : argument.name;
    return argument.required ? name : `[${name}]`;
  });
  const passed = command.passed;
  const tail = passed === undefined ? [] : [passed.required ? `-- ${passed.name}` : `[-- ${passed.name}]`];
  return ['[options]', ...words, ...tail].join(' ');
}

function describe(parser: Parser, command: Command): void {
  parser.usage(argumentUsage(command));
  parser.description([sentence(command.summary), ...(command.notes ?? [])].join('\n'));
  const described = [...command.arguments, ...(command.passed === undefined ? [] : [command.passed])];
  const width = Math.max(0, ...described.map((argument) => argument.name.length));
  const argumentLines = described.map((argument) => `  ${argument.name.padEnd(width)}  ${argument.summary}`);
  if (argumentLines.length > 0) parser.addHelpText('after', ['', 'Arguments:', ...argumentLines].join('\n'));
  parser.addHelpText('after', exampleLines(command.examples).join('\n'));
}

/** The examples as help shows them. */
export function exampleLines(examples: readonly Example[]): string[] {
  const lines = examples.map((example) => `  ${example.line}\n      ${example.does}`);
  return ['', examples.length === 1 ? 'Example:' : 'Examples:', ...lines];
}

function toOption(spec: OptionSpec): Option {
  const flags = `${spec.short === undefined ? '' : `-${spec.short}, `}--${spec.name}`;
  const option = new Option(spec.value === undefined ? flags : `${flags} <${spec.value}>`, optionSummary(spec));
  if (spec.choices !== undefined) option.choices([...spec.choices]);
  if (spec.repeatable) collect(option, spec.choices);
  if (spec.conflicts !== undefined) option.conflicts(spec.conflicts.map((name) => attribute(name).key));
  return option;
}

/** The summary of an option with what its value may be. The parser adds the choices by itself. */
function optionSummary(spec: OptionSpec): string {
  const notes = [...(spec.repeatable ? ['repeatable'] : []), ...notYetNotes(spec)];
  return notes.length === 0 ? spec.summary : `${spec.summary} (${notes.join('; ')})`;
}

/** What this version refuses of an option, in words. */
export function notYetNotes({ notYet }: OptionSpec): string[] {
  if (notYet === undefined) return [];
  return [notYet.except === undefined ? 'not available yet' : `only ${notYet.except.join(', ')} for now`];
}

/** A summary as a sentence. */
export function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function collect(option: Option, choices: readonly string[] | undefined): void {
  option.argParser((value: string, previous: unknown): string[] => {
    if (choices !== undefined && !choices.includes(value))
      throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
    return [...stringsOf(previous), value];
  });
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Where commander stores an option: `no-attach` under `attach`, true until the switch is given. */
function attribute(name: string): { key: string; negated: boolean } {
  const negated = name.startsWith('no-');
  const words = (negated ? name.slice(3) : name).split('-');
  const key = words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
  return { key, negated };
}

function readFlag(spec: OptionSpec, values: Readonly<Record<string, unknown>>): FlagValue {
  const { key, negated } = attribute(spec.name);
  const value = values[key];
  if (spec.value === undefined) return { kind: 'switch', given: negated ? value === false : value === true };
  if (spec.repeatable) return { kind: 'list', list: stringsOf(value) };
  return { kind: 'text', text: typeof value === 'string' ? value : undefined };
}

/** What the contract names and this version lacks is refused, never ignored. */
function refuseNotYet(spec: OptionSpec, value: FlagValue | undefined): void {
  if (spec.notYet === undefined || value === undefined) return;
  const except = spec.notYet.except ?? [];
  const given = givenValues(value).filter((text) => !except.includes(text));
  if (given.length === 0) return;
  const shown = spec.notYet.except === undefined ? `--${spec.name}` : `--${spec.name} ${given.join(' ')}`;
  throw usageError(`${shown} is not available yet in this version`, {
    because: 'an option that is not carried out is refused, so that nothing is silently left out',
    hint: spec.notYet.hint,
  });
}

function givenValues(value: FlagValue): readonly string[] {
  if (value.kind === 'list') return value.list;
  if (value.kind === 'text') return value.text === undefined ? [] : [value.text];
  return value.given ? [''] : [];
}

/** Required arguments first; what is left over serves the optional ones from the left, the rest a repeatable last one. */
function assignWords(command: Command, given: readonly string[]): Map<string, readonly string[]> {
  const required = command.arguments.filter((argument) => argument.required).length;
  if (given.length < required) throw missing(command, given.length);
  let spare = given.length - required;
  let next = 0;
  const words = new Map<string, readonly string[]>();
  for (const argument of command.arguments) {
    let count = argument.required ? 1 : 0;
    if (argument.repeatable) {
      count += spare;
      spare = 0;
    } else if (!argument.required && spare > 0) {
      count = 1;
      spare -= 1;
    }
    words.set(argument.name, given.slice(next, next + count));
    next += count;
  }
  if (spare === 0) return words;
  throw usageError(`too many arguments: ${given.slice(next).join(' ')}`, {
    because: `the command is ${usageOf(command)}`,
    hint: command.passed
      ? `put ${command.passed.name} behind --: ${command.examples[0].line}`
      : `ironcage ${command.name} --help shows what there is`,
  });
}

function missing(command: Command, given: number): Error {
  const names = command.arguments
    .filter((argument: ArgumentSpec) => argument.required)
    .map((argument) => argument.name);
  return usageError(`missing ${names.slice(given).join(' and ')}`, {
    because: `the command is ${usageOf(command)}`,
    hint: command.examples[0].line,
  });
}
