// What a cage changed against its base. Never mutates the cage and never runs git on what is inside; the change is two trees
// in our own store and what follows from them.
import { baseStore } from './base.ts';
import { recordCageTree } from './cage-tree.ts';
import type { SkippedFile } from './copy-tree.ts';
import { guardChange, type HostExecutableFile } from './guard-change.ts';
import { hostGitRuns } from './host-git-runs.ts';
import { inspectProject } from './project.ts';
import { diffFile, diffTrees, diffTreesText, type DiffFile } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface Change {
  /** Tree names in the workspace's store. */
  base: string;
  tree: string;
  files: readonly DiffFile[];
  hostExecutable: readonly HostExecutableFile[];
  /** What is in the cage and cannot be part of a change; it keeps its state of the base. */
  skipped: readonly SkippedFile[];
}

/** Works on a running cage (a moment's view of it) and on a stopped one. */
export async function computeChange(workspace: PreparedWorkspace): Promise<Change> {
  const [{ tree, skipped }, runs] = await Promise.all([
    recordCageTree(workspace),
    inspectProject(workspace.projectRoot).then(hostGitRuns),
  ]);
  const store = baseStore(workspace.base);
  const differences = await diffTrees(store, workspace.base.tree, tree);
  const hostExecutable = await guardChange(store, tree, differences, runs);
  return {
    base: workspace.base.tree,
    tree,
    files: differences.map(diffFile),
    hostExecutable,
    skipped,
  };
}

/** The change as git prints it, all of it or only some paths, with bytes from inside the cage: make it printable before it reaches a terminal. */
export async function changeText(
  workspace: PreparedWorkspace,
  change: Change,
  style: 'stat' | 'full',
  paths: readonly string[] = [],
): Promise<string> {
  return diffTreesText(baseStore(workspace.base), change.base, change.tree, style, paths);
}
