// Commits that an agent made within a submodule, and the submodule's own repository on the host: whether they can come, and their way
// there. As one pack that git has checked, with a name below refs/ironcage: no branch, no index and no file of the submodule is touched.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { borrowObjects, createBaseStore, type BaseStore } from './base-store.ts';
import { toText } from './byte-path.ts';
import { copyObjects } from './copy-objects.ts';
import { git } from './git.ts';
import { alsoFrom, giveToOwner, handOver } from './hand-over.ts';
import { findRepository, type Repository } from './project.ts';
import { submoduleMoves, withSubmoduleObjects, type SubmoduleMove } from './submodule-moves.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

/** What is committed now in the submodules of the base, and neither in their repositories on the host nor was when the cage was made. */
export async function strayMoves(workspace: PreparedWorkspace): Promise<SubmoduleMove[]> {
  const moves = workspace.base.submodules.length === 0 ? [] : await submoduleMoves(workspace, workspace.base.tree, []);
  const stray: SubmoduleMove[] = [];
  for (const move of moves) if (!(await isOnHost(workspace, move))) stray.push(move);
  return stray;
}

/** Whether the submodule on the host has the commit, or nothing is to be had of it. */
export async function isOnHost(workspace: PreparedWorkspace, { path, to }: SubmoduleMove): Promise<boolean> {
  const repository = repositoryOf(workspace, path);
  return to === undefined || (repository !== undefined && (await hasCommit(repository, to)));
}

/** Whether the cage has all that the commit needs, and the host a repository to bring it to. The caller holds the cage's lock. */
export async function canBring(workspace: PreparedWorkspace, move: SubmoduleMove): Promise<boolean> {
  const reached = await reach(workspace, move, async ({ store, objects, exclude, to }) => {
    const input = [to, ...exclude.map((oid) => `^${oid}`), ''].join('\n');
    const call = { gitDir: store.gitDir, input, extraEnv: alsoFrom(objects), accept: [0, 1, 128] };
    return (await git(['rev-list', '--objects', '--quiet', '--stdin'], call)).exitCode === 0;
  });
  return reached === true;
}

/**
 * Brings the commit of a move that the host does not have; returns the name that keeps it there, undefined where there is nothing to do.
 * Throws E_WORKSPACE for objects that git refuses. The caller holds the cage's lock.
 */
export async function bringSubmodule(
  workspace: PreparedWorkspace,
  move: SubmoduleMove,
  cageName: string,
): Promise<string | undefined> {
  if (await isOnHost(workspace, move)) return undefined;
  return reach(workspace, move, async ({ store, repository, objects, exclude, to }) => {
    await handOver(store, repository, { include: [to], exclude, from: objects });
    if (!(await hasCommit(repository, to))) throw noCommit(move);
    // Each has a name of its own: what an earlier one keeps is never given up.
    const ref = `refs/ironcage/${cageName}/${to.slice(0, 12)}`;
    await git(['update-ref', '--no-deref', ref, to], { gitDir: repository.gitDir });
    for (const path of [ref, `logs/${ref}`]) giveToOwner(join(repository.commonDir, path), repository.commonDir);
    return ref;
  });
}

interface Reach {
  /** Sees what the host's submodule has. */
  store: BaseStore;
  repository: Repository;
  /** A copy of the objects that the cage made. */
  objects: string;
  exclude: readonly string[];
  to: string;
}

async function reach<T>(
  workspace: PreparedWorkspace,
  { path, from, to }: SubmoduleMove,
  work: (reach: Reach) => Promise<T>,
): Promise<T | undefined> {
  const repository = repositoryOf(workspace, path);
  if (repository === undefined || to === undefined) return undefined;
  const directory = workspaceDirectory(workspace.storeDirectory);
  const quarantine = join(directory, 'submodule-quarantine');
  removeTree(quarantine, directory);
  mkdirSync(quarantine, { mode: 0o700 });
  try {
    const objects = join(quarantine, 'objects');
    if (!withSubmoduleObjects(workspace, path, (place) => copyObjects(place, objects))) return undefined;
    const store = createBaseStore(join(quarantine, 'submodule.git'), repository.objectFormat);
    borrowObjects(store, repository.objectsDir);
    const exclude = from !== undefined && (await hasCommit(repository, from)) ? [from] : [];
    return await work({ store, repository, objects, exclude, to });
  } finally {
    removeTree(quarantine, directory);
  }
}

/** Of a submodule that is checked out on the host. */
function repositoryOf({ projectRoot }: PreparedWorkspace, path: SubmoduleMove['path']): Repository | undefined {
  return findRepository(join(projectRoot, toText(path)));
}

async function hasCommit({ gitDir }: Repository, oid: string): Promise<boolean> {
  return (await git(['cat-file', '-e', `${oid}^{commit}`], { gitDir, accept: [0, 1, 128] })).exitCode === 0;
}

function noCommit({ path, to }: SubmoduleMove): IronError {
  return new IronError('E_WORKSPACE', {
    message: `${to} of the submodule ${toText(path)} is no commit`,
    because: 'its HEAD in the cage names something else',
    hint: 'look into it with `ironcage shell`; ironcage apply to the working tree brings its files',
  });
}
