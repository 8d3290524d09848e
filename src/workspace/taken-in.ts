// What a copy took in besides its base: files that git ignored then. Left as they were they are no change, also when the cage stops
// ignoring them; an overlay has them in its lower layer and needs no list. Path and change time decide, which a cage cannot set.
import { lstatSync, readFileSync, statSync, utimesSync, writeFileSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { below, joinRecords, splitRecords, type BytePath } from './byte-path.ts';
import { directoriesOf } from './workspace.ts';

const FILE_NAME = 'taken-in';

/** `paths`: what the copy holds; `untracked`: what of it is no part of the base, a directory with a slash behind it standing for all in it. */
export function writeTakenIn(directory: string, paths: readonly BytePath[], untracked: readonly BytePath[]): void {
  const known = new Set(untracked);
  const isUntracked = (path: BytePath): boolean => {
    if (known.has(path)) return true;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
      if (known.has(path.slice(0, slash + 1))) return true;
    return false;
  };
  writeFileSync(join(directory, FILE_NAME), joinRecords(paths.filter(isUntracked)), { mode: 0o600 });
}

/** Whether a file is one of those, as it was then. The list is read when it is first asked for. */
export function openTakenIn(directory: string): (path: BytePath, stat: BigIntStats) => boolean {
  let taken: { paths: ReadonlySet<BytePath>; atNs: bigint } | undefined;
  return (path, stat) => {
    taken ??= read(join(directory, FILE_NAME));
    return stat.ctimeNs <= taken.atNs && taken.paths.has(path);
  };
}

function read(file: string): { paths: ReadonlySet<BytePath>; atNs: bigint } {
  try {
    return { paths: new Set(splitRecords(readFileSync(file))), atNs: statSync(file, { bigint: true }).mtimeNs };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { paths: new Set(), atNs: 0n };
    throw error;
  }
}

/** For a copy of a whole workspace, whose files are all younger: what still is as it was goes on being so. Both trees are there. */
export function carryTakenIn(source: string, target: string): void {
  const file = join(source, FILE_NAME);
  if (!pathExists(file)) return;
  const isTakenIn = openTakenIn(source);
  const { tree } = directoriesOf(source);
  const kept = [...read(file).paths].filter((path) => {
    const stat = lstatSync(below(tree, path), { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && isTakenIn(path, stat);
  });
  writeFileSync(join(target, FILE_NAME), joinRecords(kept), { mode: 0o600 });
}

/** After a change of owners, which nobody inside has made. */
export function renewTakenIn(directory: string): void {
  const file = join(directory, FILE_NAME);
  const now = new Date();
  if (pathExists(file)) utimesSync(file, now, now);
}
