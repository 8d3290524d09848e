// What the host changed since a cage's base, and what bringing it into the cage would do: three trees looked at file by file. A file that
// both sides changed, each in its own way, is a conflict; nothing is merged, since nobody has looked at what would come out.
import { baseStore } from './base.ts';
import { recordCageTree } from './cage-tree.ts';
import { parentOf, type BytePath } from './byte-path.ts';
import { treeWith } from './edited-tree.ts';
import { recordHostTree, type HostWrite } from './host-tree.ts';
import type { Conflict } from './merge-trees.ts';
import { hostWrites } from './plan-apply.ts';
import { inspectProject } from './project.ts';
import { diffFile, diffTrees, type DiffFile, type TreeDifference } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface SyncPlan {
  /** Tree in the store: the base with what is brought, and with what is the same on both sides already. */
  target: string;
  /** What the host changed. */
  files: readonly DiffFile[];
  /** What has to be written into the cage for it; `before` is what the cage has. */
  writes: readonly HostWrite[];
  conflicts: readonly Conflict[];
  /** What the cage would lose, where the host's side wins. */
  overwritten: readonly Conflict[];
  /** Files of the host that stay outside, since the cage was made without them. */
  leftOut: readonly string[];
}

export interface SyncWish {
  /** Byte paths of files and directories; empty: everything. */
  paths: readonly BytePath[];
  /** The host's side wins where both changed. */
  force: boolean;
}

/** Touches neither side. The caller holds the cage's lock. */
export async function planSync(workspace: PreparedWorkspace, { paths, force }: SyncWish): Promise<SyncPlan> {
  const store = baseStore(workspace.base);
  const project = await inspectProject(workspace.projectRoot);
  const host = await recordHostTree(workspace, project);
  const { tree: cage } = await recordCageTree(workspace);
  const isWanted = (path: BytePath): boolean => paths.length === 0 || paths.some((wanted) => isAt(path, wanted));
  const refused = new Set(workspace.leftOut.map(({ path }) => path));
  const differences = await diffTrees(store, workspace.base.tree, host, 'no-renames');
  const wanted = differences.filter(({ bytes }) => isWanted(bytes.path));
  const brought = wanted.filter(({ path }) => !refused.has(path));
  const ofCage = new Map(
    (await diffTrees(store, workspace.base.tree, cage, 'no-renames')).map((file) => [file.bytes.path, file]),
  );

  const writes: HostWrite[] = [];
  const conflicts: Conflict[] = [];
  const overwritten: Conflict[] = [];
  for (const file of brought) {
    const { path } = file.bytes;
    const inside = ofCage.get(path);
    const before = inside === undefined ? file.before : inside.after;
    if (isSame(before, file.after)) continue;
    const kind = conflictOf(file, inside, ofCage);
    const gives = force && inside !== undefined;
    if (kind !== undefined) (gives ? overwritten : conflicts).push({ path: file.path, kind });
    if (kind === undefined || gives) writes.push({ path, before, after: file.after });
  }
  const standing = new Set(conflicts.map(({ path }) => path));
  const settled = brought.filter(({ path }) => !standing.has(path));
  return {
    target: await treeWith(store, workspace.base.tree, hostWrites(settled)),
    files: brought.map(diffFile),
    writes,
    conflicts,
    overwritten,
    leftOut: wanted.flatMap(({ path }) => (refused.has(path) ? [path] : [])),
  };
}

function isAt(path: BytePath, wanted: BytePath): boolean {
  return wanted === '' || path === wanted || path.startsWith(`${wanted}/`);
}

function isSame(one: HostWrite['before'], other: HostWrite['before']): boolean {
  return one?.oid === other?.oid && one?.mode === other?.mode;
}

function conflictOf(
  file: TreeDifference,
  inside: TreeDifference | undefined,
  ofCage: ReadonlyMap<BytePath, TreeDifference>,
): string | undefined {
  if (inside !== undefined) {
    if (inside.after === undefined) return 'deleted in the cage';
    return file.after === undefined ? 'deleted on the host, changed in the cage' : 'changed on both sides';
  }
  if (file.after === undefined) return undefined;
  for (let parent = parentOf(file.bytes.path); parent !== ''; parent = parentOf(parent)) {
    if (ofCage.get(parent)?.after !== undefined) return 'a file is in the way in the cage';
  }
  const below = `${file.bytes.path}/`;
  const blocked = [...ofCage].some(([path, { after }]) => after !== undefined && path.startsWith(below));
  return blocked ? 'a directory is in the way in the cage' : undefined;
}
