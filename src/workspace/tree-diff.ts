// The difference of two trees in the store, as data and as text. Renames are found by git; nothing is read but stored objects.
import type { PieceWriter } from '../platform/processes.ts';
import type { BaseStore } from './base-store.ts';
import { splitRecords, toText, type BytePath } from './byte-path.ts';
import { git, gitInto } from './git.ts';

export interface DiffFile {
  /** Text for people and JSON, relative to the project. */
  path: string;
  /** Where a renamed file was before. */
  from?: string;
  change: 'added' | 'modified' | 'deleted' | 'renamed' | 'mode';
  /** Lines; 0 for binary files. */
  insertions: number;
  deletions: number;
  binary: boolean;
  hostExecutable: boolean;
  /** Of a submodule: the commits that it stood at and stands at now; the lines are those of git’s note of it. */
  submodule?: { from?: string; to?: string };
}

/** A changed file with what git knows of it. */
export interface TreeDifference extends DiffFile {
  bytes: { path: BytePath; from: BytePath | undefined };
  before: TreeSide | undefined;
  after: TreeSide | undefined;
}

export interface TreeSide {
  mode: string;
  oid: string;
}

/** The part of a difference that people and JSON get. */
export function diffFile(file: TreeDifference): DiffFile {
  const { path, from, change, insertions, deletions, binary, hostExecutable } = file;
  return {
    path,
    ...(from === undefined ? {} : { from }),
    ...{ change, insertions, deletions, binary, hostExecutable },
    ...submoduleOf(file),
  };
}

function submoduleOf({ before, after }: TreeDifference): Pick<DiffFile, 'submodule'> {
  const [from, to] = [before, after].map((side) => (side?.mode === '160000' ? side.oid : undefined));
  if (from === undefined && to === undefined) return {};
  return { submodule: { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) } };
}

/** Files that differ from tree `from` to tree `to`, in git's order. */
export async function diffTrees(
  store: BaseStore,
  from: string,
  to: string,
  renames: 'find-renames' | 'no-renames' = 'find-renames',
): Promise<TreeDifference[]> {
  if (from === to) return [];
  const args = ['diff-tree', '-r', `--${renames}`, '-l2000', '--raw', '--numstat', '-z', '--no-abbrev', from, to];
  const { stdout } = await git(args, { gitDir: store.gitDir });
  return parseDiff(splitRecords(stdout));
}

/** Parses `--raw --numstat -z`: all raw records, then all counts, in the same order. */
function parseDiff(records: readonly BytePath[]): TreeDifference[] {
  const files: TreeDifference[] = [];
  let at = 0;
  const take = (): string => records[at++] ?? '';
  while (records[at]?.startsWith(':') === true) {
    const [modeBefore = '', modeAfter = '', oidBefore = '', oidAfter = '', status = ''] = take().slice(1).split(' ');
    const renamed = status.startsWith('R');
    const first = take();
    const path = renamed ? take() : first;
    files.push({
      path: toText(path),
      ...(renamed ? { from: toText(first) } : {}),
      change: kindOf(status, { modeBefore, modeAfter, oidBefore, oidAfter }),
      insertions: 0,
      deletions: 0,
      binary: false,
      hostExecutable: false,
      bytes: { path, from: renamed ? first : undefined },
      before: status === 'A' ? undefined : { mode: modeBefore, oid: oidBefore },
      after: status === 'D' ? undefined : { mode: modeAfter, oid: oidAfter },
    });
  }
  const byPath = new Map(files.map((file) => [file.bytes.path, file]));
  while (at < records.length) {
    const [insertions = '', deletions = '', ...rest] = take().split('\t');
    const named = rest.join('\t');
    if (named === '') at++;
    const file = byPath.get(named === '' ? take() : named);
    if (file === undefined) continue;
    file.binary = insertions === '-';
    file.insertions = file.binary ? 0 : Number(insertions);
    file.deletions = file.binary ? 0 : Number(deletions);
  }
  return files;
}

function kindOf(
  status: string,
  sides: { modeBefore: string; modeAfter: string; oidBefore: string; oidAfter: string },
): DiffFile['change'] {
  switch (status.charAt(0)) {
    case 'A':
      return 'added';
    case 'D':
      return 'deleted';
    case 'R':
      return 'renamed';
    default:
      return sides.oidBefore === sides.oidAfter && sides.modeBefore !== sides.modeAfter ? 'mode' : 'modified';
  }
}

/** The difference as git prints it, in pieces. Holds bytes from inside a cage: whoever shows it makes it printable first. */
export async function diffTreesText(
  store: BaseStore,
  from: string,
  to: string,
  { style, paths, write }: { style: 'stat' | 'full'; paths: readonly string[]; write: PieceWriter },
): Promise<void> {
  const form = style === 'stat' ? ['--stat=120'] : ['--patch'];
  const options = ['-r', '-M', '-l2000', '--no-ext-diff', '--no-textconv', '--no-color', ...form];
  await gitInto(['diff-tree', ...options, from, to, '--', ...paths], { gitDir: store.gitDir }, write);
}
