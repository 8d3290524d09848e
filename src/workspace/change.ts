// What a cage changed against its base. Never mutates the cage and never runs git on what is inside; the change is two trees
// in our own store and what follows from them.
import { baseStore } from './base.ts';
import { recordOpenCage } from './cage-tree.ts';
import type { SkippedFile } from './copy-tree.ts';
import type { PieceWriter } from '../platform/processes.ts';
import { guardChange, type HostExecutableFile } from './guard-change.ts';
import { hostGitRuns } from './host-git-runs.ts';
import { withOpenWorkspace } from './open-workspace.ts';
import { moveDifference, movesAmong, submoduleMoves, treeOfSubmodules, type SubmoduleMove } from './submodule-moves.ts';
import { diffFile, diffTrees, diffTreesText, type DiffFile, type TreeDifference } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface Change {
  /** Tree names in the workspace's store. */
  base: string;
  tree: string;
  /** Submodules that stand elsewhere are among them, each before the files that are in it. */
  files: readonly DiffFile[];
  /** The same without the moves of submodules, with what git knows of each. */
  differences: readonly TreeDifference[];
  hostExecutable: readonly HostExecutableFile[];
  /** What is in the cage and cannot be part of a change; it keeps its state of the base. */
  skipped: readonly SkippedFile[];
}

/** Works on a running cage (a moment's view of it) and on a stopped one. */
export function computeChange(workspace: PreparedWorkspace): Promise<Change> {
  return withOpenWorkspace(workspace, async (open) => {
    const { store, project, settings } = open;
    const { base } = workspace;
    const { tree, skipped } = await recordOpenCage(open);
    const ofFiles = await diffTrees(store, base.tree, tree);
    const differences = withMoves(ofFiles, await submoduleMoves(workspace, tree, ofFiles));
    const hostExecutable = await guardChange(store, tree, differences, {
      root: project.root,
      runs: hostGitRuns(project, await settings),
    });
    return {
      ...{ base: base.tree, tree, files: differences.map(diffFile), differences: ofFiles },
      ...{ hostExecutable, skipped },
    };
  });
}

function withMoves(files: TreeDifference[], moves: readonly SubmoduleMove[]): TreeDifference[] {
  if (moves.length === 0) return files;
  const keyed = [...moves.map(moveDifference), ...files].map((file) => ({ file, key: file.bytes.path }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))).map(({ file }) => file);
}

/**
 * The change as git prints it, all of it or only some paths, piece by piece: moves of submodules, then the files, theirs included. Bytes from
 * inside the cage: make them printable before they reach a terminal.
 */
export async function changeText(
  workspace: PreparedWorkspace,
  { base, tree, files }: Pick<Change, 'base' | 'tree' | 'files'>,
  style: 'stat' | 'full',
  write: PieceWriter,
  paths: readonly string[] = [],
): Promise<void> {
  const store = baseStore(workspace.base);
  const moves = movesAmong(files);
  if (moves.length > 0) {
    const [from, to] = (['from', 'to'] as const).map((side) =>
      treeOfSubmodules(
        store,
        moves.flatMap((move) => (move[side] === undefined ? [] : [{ path: move.path, oid: move[side] }])),
      ),
    );
    await diffTreesText(store, from ?? '', to ?? '', { style, paths, write });
  }
  if (base !== tree) await diffTreesText(store, base, tree, { style, paths, write });
}
