// Cage names become directory names, host names and cgroup names: one grammar, checked in one place.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { printableLine } from '../platform/text.ts';

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_STEM = 40;

export function isCageName(text: string): boolean {
  return NAME.test(text);
}

/** Returns the name itself, or throws E_NAME: lower-case letters, digits and inner hyphens, at most 63. */
export function parseCageName(text: string): string {
  return parseName(text, 'a cage', 'choose a name such as my-project-2');
}

/** The same grammar, for a home that cages share. */
export function parseHomeProfileName(text: string): string {
  return parseName(text, 'a profile', 'choose a name such as work: --profile work');
}

/** The same grammar, for a further directory. */
export function parseDirName(text: string): string {
  return parseName(text, 'a directory', 'choose a name such as shared-lib: --name shared-lib');
}

/** The same grammar, for a snapshot. */
export function parseSnapshotName(text: string): string {
  return parseName(text, 'a snapshot', 'choose a name such as before-refactoring');
}

/** `<prefix><UTC time to the second>`, with a number behind it where one of `taken` has that name. */
export function timedName(prefix: string, timeMs: number, taken: readonly string[]): string {
  const [day = '', time = ''] = new Date(timeMs).toISOString().split(/[T.]/);
  const stem = `${prefix}${day.replaceAll('-', '')}-${time.replaceAll(':', '')}`;
  let number = 1;
  while (taken.includes(number === 1 ? stem : `${stem}-${number}`)) number += 1;
  return number === 1 ? stem : `${stem}-${number}`;
}

function parseName(text: string, what: string, hint: string): string {
  if (isCageName(text)) return text;
  throw new IronError('E_NAME', {
    message: `${JSON.stringify(printableLine(text.slice(0, 80)))} is no name for ${what}`,
    because: 'a name has 1 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit',
    hint,
  });
}

/** `<basename>-<8 hex of the real path>`: the same directory always gives the same name. `realPath` is absolute. */
export function defaultCageName(realPath: string): string {
  return nameOfUrl(realPath, realPath);
}

/** The same for a cage that is made from a URL of a repository of this name. */
export function nameOfUrl(repository: string, url: string): string {
  const stem = stemOf(repository);
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 8);
  return `${stem === '' ? 'project' : stem}-${digest}`;
}

/** `<basename>`, with a number behind it where another directory of the cage has that name. */
export function defaultDirName(realPath: string, taken: readonly string[]): string {
  const stem = stemOf(realPath);
  const name = stem === '' ? 'dir' : stem;
  let number = 1;
  while (taken.includes(number === 1 ? name : `${name}-${number}`)) number += 1;
  return number === 1 ? name : `${name}-${number}`;
}

function stemOf(realPath: string): string {
  return basename(realPath)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_STEM)
    .replace(/^-+|-+$/g, '');
}
