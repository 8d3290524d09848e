// What applying a cage's change would do to the host, before anything is done: the merge, its conflicts, and which of the files
// that would land can run there. A plan holds only for the host's state that it was made for.
import { baseStore } from './base.ts';
import type { Change } from './change.ts';
import { guardChange, type HostExecutableFile } from './guard-change.ts';
import { findObstacles, recordHostTree, type HostWrite } from './host-tree.ts';
import { mergeTrees, type Conflict } from './merge-trees.ts';
import { inspectProject } from './project.ts';
import { diffFile, diffTrees, type DiffFile, type TreeDifference } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface ApplyPlan {
  workspace: PreparedWorkspace;
  /** Trees in the workspace's store. */
  base: string;
  host: string;
  cage: string;
  merged: string;
  /** What would change on the host. */
  files: readonly DiffFile[];
  hostExecutable: readonly HostExecutableFile[];
  conflicts: readonly Conflict[];
}

/** Plans a change into the project's work tree. Touches nothing of the host. */
export async function planApply(workspace: PreparedWorkspace, change: Change): Promise<ApplyPlan> {
  const project = await inspectProject(workspace.projectRoot);
  const store = baseStore(workspace.base);
  const host = await recordHostTree(workspace, project);
  const merge = await mergeTrees(store, {
    baseTree: change.base,
    baseCommit: workspace.base.commit,
    ours: host,
    theirs: change.tree,
  });
  const plan = { workspace, base: change.base, host, cage: change.tree, merged: merge.tree };
  if (merge.conflicts.length > 0) {
    return {
      ...plan,
      merged: host,
      files: change.files,
      hostExecutable: change.hostExecutable,
      conflicts: merge.conflicts,
    };
  }
  const differences = await diffTrees(store, host, merge.tree);
  const hostExecutable = await guardChange(store, merge.tree, differences);
  const conflicts = findObstacles(project.root, hostWrites(differences));
  return { ...plan, files: differences.map(diffFile), hostExecutable, conflicts };
}

/** The single writes and deletes that differences come down to. */
export function hostWrites(differences: readonly TreeDifference[]): HostWrite[] {
  return differences.flatMap(({ bytes, before, after }) =>
    bytes.from === undefined
      ? [{ path: bytes.path, before, after }]
      : [
          { path: bytes.from, before, after: undefined },
          { path: bytes.path, before: undefined, after },
        ],
  );
}

/** Splits differences into those that are taken and those that the user leaves out, by their path as shown. */
export function withoutLeftOut(
  differences: readonly TreeDifference[],
  leaveOut: readonly string[],
): { taken: TreeDifference[]; leftOut: TreeDifference[] } {
  const refused = new Set(leaveOut);
  return {
    taken: differences.filter((file) => !refused.has(file.path)),
    leftOut: differences.filter((file) => refused.has(file.path)),
  };
}
