// What can be typed where, taken from the command values: the one source of the three completion scripts.
import { GLOBAL_OPTIONS, type Command, type CommandGroup, type OptionSpec } from './command.ts';

export interface CompletionModel {
  /** Every place behind which something can be typed; the first is behind `ironcage` itself. */
  places: readonly CompletionPlace[];
}

export interface CompletionPlace {
  /** Words behind `ironcage`, joined by a space; empty for the first place. */
  path: string;
  /** Commands that can follow. */
  words: readonly { name: string; summary: string }[];
  options: readonly OptionSpec[];
  /** A name of a snapshot can follow. */
  snapshots: boolean;
}

export function completionModel(commands: readonly (Command | CommandGroup)[]): CompletionModel {
  const top = commands.map(({ name, summary }) => ({ name, summary }));
  return {
    places: [
      { path: '', words: top, options: GLOBAL_OPTIONS, snapshots: false },
      ...commands.flatMap((command) => placesOf(command)),
    ],
  };
}

function placesOf(command: Command | CommandGroup): CompletionPlace[] {
  if (command.kind === 'command') {
    const words = command.arguments.flatMap(({ offered = [] }) => offered);
    const snapshots = command.arguments.some((argument) => argument.snapshots === true);
    return [{ path: command.name, words, options: [...command.options.filter(isHere), ...GLOBAL_OPTIONS], snapshots }];
  }
  const words = command.commands.map(({ name, summary }) => ({ name: name.slice(command.name.length + 1), summary }));
  return [
    { path: command.name, words, options: GLOBAL_OPTIONS, snapshots: false },
    ...command.commands.flatMap((member) => placesOf(member)),
  ];
}

/** What this version refuses is not offered. */
function isHere(option: OptionSpec): boolean {
  return option.notYet === undefined || option.notYet.except !== undefined;
}

/** The values an option can have, as far as they are known. */
export function offeredValues(option: OptionSpec): readonly string[] {
  return option.notYet?.except ?? option.choices ?? [];
}
