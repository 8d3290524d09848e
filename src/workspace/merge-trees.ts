// The three-way merge of a change into what the host has now, on stored trees only: no work tree, no merge drivers, no hooks.
import { commitTree, type BaseStore } from './base-store.ts';
import { splitRecords, toText } from './byte-path.ts';
import { git } from './git.ts';

export interface Conflict {
  /** Text, relative to the project. */
  path: string;
  /** Git's word for it (`contents`, `modify/delete`, …) or ours (`exists`, `blocked`). */
  kind: string;
}

export interface Merge {
  /** The merged tree; meaningless while there are conflicts. */
  tree: string;
  conflicts: readonly Conflict[];
}

/** Merges tree `theirs` into tree `ours`; both came from the tree of `baseCommit`. */
export async function mergeTrees(
  store: BaseStore,
  sides: { baseTree: string; baseCommit: string; ours: string; theirs: string },
): Promise<Merge> {
  if (sides.ours === sides.baseTree || sides.ours === sides.theirs) return { tree: sides.theirs, conflicts: [] };
  if (sides.theirs === sides.baseTree) return { tree: sides.ours, conflicts: [] };
  const call = { gitDir: store.gitDir };
  const parents = [sides.baseCommit];
  const ours = await commitTree(call, { tree: sides.ours, parents, message: 'host' });
  const theirs = await commitTree(call, { tree: sides.theirs, parents, message: 'cage' });
  const settings = [
    '-c',
    'merge.directoryRenames=false',
    '-c',
    'merge.renameLimit=2000',
    '-c',
    'merge.conflictStyle=merge',
  ];
  const answer = await git([...settings, 'merge-tree', '--write-tree', '-z', '--messages', ours, theirs], {
    ...call,
    accept: [0, 1],
  });
  const [tree = '', ...records] = splitRecords(answer.stdout);
  return { tree, conflicts: answer.exitCode === 0 ? [] : parseConflicts(records) };
}

/** Reads what follows the tree: `MODE OID STAGE TAB PATH` each, an empty record, then messages `COUNT PATH… TYPE TEXT`. */
function parseConflicts(records: readonly string[]): Conflict[] {
  const end = records.indexOf('');
  const staged = end < 0 ? records : records.slice(0, end);
  const kinds = new Map(staged.map((record) => [record.slice(record.indexOf('\t') + 1), 'contents']));
  for (let at = end < 0 ? records.length : end + 1; at < records.length;) {
    const count = Number(records[at]);
    if (!Number.isInteger(count)) break;
    const paths = records.slice(at + 1, at + 1 + count);
    const kind = /^CONFLICT \((.+)\)/.exec(records[at + 1 + count] ?? '')?.[1];
    if (kind !== undefined) for (const path of paths) kinds.set(path, kind);
    at += count + 3;
  }
  return [...kinds].map(([path, kind]) => ({ path: toText(path), kind }));
}
