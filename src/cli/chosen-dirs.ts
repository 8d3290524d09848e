// `--dir` and `--all`: which directories of a cage a command is about.
import type { OptionSpec, Opened } from './command.ts';
import type { Flags } from './flags.ts';

export const DIR_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'dir',
    value: 'N',
    repeatable: true,
    conflicts: ['all'],
    summary: 'a further directory in the place of the project',
  },
  { name: 'all', summary: 'the project and every further directory' },
];

export interface ChosenDirs {
  /** Names; empty: the project. */
  names: readonly string[];
  /** One was not said to be several: what is printed is about that one alone. */
  single: boolean;
}

/** The project unless others are named. Throws E_NO_PROJECT where the first of them is asked for, if it is none of the cage's. */
export async function chosenDirs({ library, context }: Opened, cage: string, flags: Flags): Promise<ChosenDirs> {
  if (flags.on('all')) return { names: (await library.listDirs(context, cage)).map(({ name }) => name), single: false };
  const named = [...new Set(flags.list('dir'))];
  return named.length === 0 ? { names: [''], single: true } : { names: named, single: named.length === 1 };
}

export function dirTitle(cage: string, dir = ''): string {
  return dir === '' ? cage : `${cage}, directory ${dir}`;
}
