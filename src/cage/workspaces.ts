// The workspaces of a cage: that of its project, known as '', and those of its further directories. What is to be there is the
// spec's to say; what holds work is looked for on disk, so that nothing is overlooked where the two differ.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { namesIn } from '../platform/files.ts';
import { loadWorkspace, type PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import { isCageName } from './names.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths } from './store.ts';

export interface WorkspacePlace {
  /** Name of the directory; empty: the project. */
  dir: string;
  /** Absolute: on the host, and inside. */
  path: string;
  storeDirectory: string;
}

/** The project first. */
export function workspacePlaces(
  context: Context,
  { name, project, dirs = [] }: Pick<CageSpec, 'name' | 'project' | 'dirs'>,
): WorkspacePlace[] {
  return [{ name: '', path: project }, ...dirs].map(({ name: dir, path }) => ({
    dir,
    path,
    storeDirectory: storeOf(context, name, dir),
  }));
}

/** Throws E_NO_PROJECT when the cage has no directory of that name. */
export function placeOf(
  context: Context,
  spec: Pick<CageSpec, 'name' | 'project' | 'dirs'>,
  dir: string,
): WorkspacePlace {
  const places = workspacePlaces(context, spec);
  const place = places.find((each) => each.dir === dir);
  if (place !== undefined) return place;
  const names = places.flatMap((each) => (each.dir === '' ? [] : [each.dir]));
  throw new IronError('E_NO_PROJECT', {
    message: `the cage ${spec.name} has no further directory ${JSON.stringify(dir)}`,
    because: names.length === 0 ? 'it has none at all' : `it has ${names.join(', ')}`,
    hint: `ironcage show ${spec.name} lists them; ironcage add-dir ${spec.name} PATH adds one`,
  });
}

function storeOf(context: Context, name: string, dir: string): string {
  const { root, dirs } = cagePaths(context, name);
  return dir === '' ? root : join(dirs, dir);
}

/** Throws E_WORKSPACE when a cage that was made has none there any more. */
export async function requireWorkspace(
  { name }: Pick<CageSpec, 'name'>,
  { dir, storeDirectory }: WorkspacePlace,
): Promise<PreparedWorkspace> {
  const workspace = await loadWorkspace(storeDirectory);
  if (workspace !== undefined) return workspace;
  const remedy = dir === '' ? `ironcage rm ${name} --discard` : `ironcage remove-dir ${name} ${dir} --discard`;
  throw new IronError('E_WORKSPACE', {
    message: dir === '' ? `the workspace of ${name} is missing` : `the workspace of ${dir} in ${name} is missing`,
    because: `there is no finished workspace below ${storeDirectory}`,
    hint: `it was taken away by hand: remove what is left of it (${remedy}) and make it anew`,
  });
}

/** Store directories that may hold a workspace, whatever the spec says. */
export function storesOnDisk(context: Context, name: string): Pick<WorkspacePlace, 'dir' | 'storeDirectory'>[] {
  return storesBelow(cagePaths(context, name).root);
}

/** The same for what a cage left behind in another place. */
function storesBelow(root: string): Pick<WorkspacePlace, 'dir' | 'storeDirectory'>[] {
  const dirs = join(root, 'dirs');
  return [
    { dir: '', storeDirectory: root },
    ...namesIn(dirs)
      .filter(isCageName)
      .sort()
      .map((dir) => ({ dir, storeDirectory: join(dirs, dir) })),
  ];
}

export interface StoredWorkspace {
  dir: string;
  workspace: PreparedWorkspace;
}

/** Of all that is on disk what was finished. */
export async function storedWorkspaces(context: Context, name: string): Promise<StoredWorkspace[]> {
  return workspacesBelow(cagePaths(context, name).root);
}

export async function workspacesBelow(root: string): Promise<StoredWorkspace[]> {
  const found: StoredWorkspace[] = [];
  for (const { dir, storeDirectory } of storesBelow(root)) {
    const workspace = await loadWorkspace(storeDirectory);
    if (workspace !== undefined) found.push({ dir, workspace });
  }
  return found;
}
