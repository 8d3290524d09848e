// What applying a cage's change would do to the host, before anything is done: the merge, its conflicts, and which of the files
// that would land can run there. A plan holds only for the host's state that it was made for.
import { baseStore, readHead } from './base.ts';
import { toText } from './byte-path.ts';
import type { Change } from './change.ts';
import type { SkippedFile } from './copy-tree.ts';
import { guardChange, type HostExecutableFile } from './guard-change.ts';
import { gitLine, readEffectiveConfig } from './git.ts';
import { hostGitRuns } from './host-git-runs.ts';
import { findObstacles, recordHostTree, type HostWrite } from './host-tree.ts';
import { mergeTrees, type Conflict } from './merge-trees.ts';
import { withOpenStore } from './object-reading.ts';
import { inspectProject, type Project } from './project.ts';
import { movesAmong, type SubmoduleMove } from './submodule-moves.ts';
import { asSuperproject, type Superproject } from './superproject.ts';
import { diffFile, diffTrees, type DiffFile, type TreeDifference } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** What the change is merged into: the files as they lie there, what is committed now, or what the cage's commits began at. */
export type ApplyOnto = 'working-tree' | 'head' | 'base-head';

export interface ApplyPlan {
  workspace: PreparedWorkspace;
  onto: ApplyOnto;
  /** Trees in the workspace's store. */
  base: string;
  host: string;
  cage: string;
  merged: string;
  /** The cage’s tree with all of its files, those of submodules included. */
  work: string;
  /** Moves of submodules that come along. */
  moves: readonly SubmoduleMove[];
  /** Moves of which only the files come along, into the working tree. */
  moved: readonly SubmoduleMove[];
  /** What does not come along, wherever it is applied to. */
  stays: readonly SkippedFile[];
  /** What would change on the host. */
  files: readonly DiffFile[];
  /** The same, with what git knows of each; nothing while there are conflicts. */
  differences: readonly TreeDifference[];
  hostExecutable: readonly HostExecutableFile[];
  conflicts: readonly Conflict[];
}

/** Plans a change into the project. Touches nothing of the host. */
export async function planApply(
  workspace: PreparedWorkspace,
  change: Change,
  onto: ApplyOnto = 'working-tree',
): Promise<ApplyPlan> {
  const project = await inspectProject(workspace.projectRoot);
  const store = baseStore(workspace.base);
  const settings = readEffectiveConfig(project.git?.gitDir);
  settings.catch(() => undefined);
  const committed = await committedTree(workspace, project, onto);
  const host = committed ?? (await recordHostTree(workspace, project, settings));
  const side = committed === undefined ? asFiles(workspace, change) : await asSuperproject(workspace, change.tree, 'known'); // prettier-ignore
  const { base } = side.workspace;
  const merge = await mergeTrees(store, {
    baseTree: base.tree,
    baseCommit: base.commit,
    ours: host,
    theirs: side.tree,
  });
  const plan = {
    ...{ workspace: side.workspace, onto, base: base.tree, host, cage: side.tree, merged: merge.tree },
    ...{ work: change.tree, moves: side.moves, stays: side.inside },
    moved: committed === undefined ? movesAmong(change.files) : [],
  };
  if (merge.conflicts.length > 0) {
    return {
      ...plan,
      merged: host,
      files: change.files,
      differences: [],
      hostExecutable: change.hostExecutable,
      conflicts: merge.conflicts,
    };
  }
  // Onto the base itself comes the very change that was looked at.
  const isSame = host === change.base && merge.tree === change.tree && movesAmong(change.files).length === 0;
  const differences = isSame ? change.differences : await diffTrees(store, host, merge.tree);
  const hostExecutable = isSame
    ? change.hostExecutable
    : await withOpenStore(store, async (open) =>
        guardChange(open, merge.tree, differences, { root: project.root, runs: hostGitRuns(project, await settings) }),
      );
  const conflicts = committed === undefined ? findObstacles(project.root, hostWrites(differences)) : [];
  return { ...plan, files: differences.map(diffFile), differences, hostExecutable, conflicts };
}

/** The files of a submodule are files like all others; the commit that it stands at is a matter of its own repository. */
function asFiles(workspace: PreparedWorkspace, { tree, files }: Change): Omit<Superproject, 'submodules'> {
  const inside = movesAmong(files).flatMap(
    ({ path, to }) =>
    to === undefined ? [] : [{ path: toText(path), reason: `the submodule stands at ${to} in the cage: its files come, the commit only into its own repository` }], // prettier-ignore
  );
  return { workspace, tree, moves: [], inside };
}

/** Undefined for the work tree, and where nothing is committed: then its files are what there is. */
async function committedTree(
  { base }: PreparedWorkspace,
  project: Project,
  onto: ApplyOnto,
): Promise<string | undefined> {
  if (onto === 'working-tree' || project.git === undefined) return undefined;
  const commit = onto === 'head' ? await readHead(project) : base.head;
  if (commit === undefined) return undefined;
  return gitLine(['rev-parse', '--verify', `${commit}^{tree}`], { gitDir: project.git.gitDir });
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
