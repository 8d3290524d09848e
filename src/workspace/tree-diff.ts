// The difference of two trees in the store, as data and as text. Renames are found by git; nothing is read but stored objects.
import { IronError } from '../platform/errors.ts';
import type { BaseStore } from './base-store.ts';
import { splitRecords, toText, type BytePath } from './byte-path.ts';
import { git } from './git.ts';

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
  return { path, ...(from === undefined ? {} : { from }), change, insertions, deletions, binary, hostExecutable };
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

/** The difference as git prints it. Holds bytes from inside a cage: whoever shows it makes it printable first. */
export async function diffTreesText(
  store: BaseStore,
  from: string,
  to: string,
  style: 'stat' | 'full',
  paths: readonly string[] = [],
): Promise<string> {
  const form = style === 'stat' ? ['--stat=120'] : ['--patch'];
  const args = [
    'diff-tree',
    '-r',
    '-M',
    '-l2000',
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
    ...form,
    from,
    to,
    '--',
    ...paths,
  ];
  const { stdout } = await git(args, { gitDir: store.gitDir });
  if (stdout.length > MAX_TEXT_BYTES) throw tooLong();
  return stdout.toString('utf8');
}

/** No string is longer than 512 MiB, and made printable a text gets longer. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;

function tooLong(): IronError {
  return new IronError('E_WORKSPACE', {
    message: 'the change is too large to be shown as text',
    because: `it has more than ${MAX_TEXT_BYTES / 1024 / 1024} MiB`,
    hint: 'leave --full out for one line a file, or write it to files: ironcage patch',
  });
}
