// What a cage committed over a mounted project, brought into the project's repository: when somebody leaves the cage, when it stops,
// starts or is removed. A failure keeps nobody from leaving or stopping; it is told, and the commits wait in the cage.
import { errorMessage } from '../platform/errors.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { readSpec } from './store.ts';
import { storedWorkspaces } from './workspaces.ts';

/** The caller holds the cage's lock. */
export async function bringCommits(context: Context, name: string): Promise<void> {
  try {
    const spec = await readSpec(context, name);
    for (const { dir, workspace } of await mountedWorkspaces(context, spec)) await bring(context, name, dir, workspace);
  } catch (error) {
    tellWaiting(context, name, error);
  }
}

/** Before a start, with nobody inside: the cage goes on with the repository of each project as it stands. */
export async function refreshCommits(context: Context, spec: CageSpec): Promise<void> {
  for (const { dir, workspace } of await mountedWorkspaces(context, spec)) {
    const isBrought = await bring(context, spec.name, dir, workspace);
    if (!isBrought) continue;
    const { refreshMountedGit } = await import('../workspace/return-commits.ts');
    if (await refreshMountedGit(workspace)) continue;
    context.progress(
      `${spec.name} is in the middle of a merge or a rebase: it does not see what git did in ${workspace.projectRoot} meanwhile`,
    );
  }
}

async function mountedWorkspaces(
  context: Context,
  { name, workspace }: CageSpec,
): Promise<Awaited<ReturnType<typeof storedWorkspaces>>> {
  return workspace === 'copy' ? [] : storedWorkspaces(context, name);
}

/** False when some wait in the cage: one directory's keep no other's from coming. */
async function bring(context: Context, name: string, dir: string, workspace: PreparedWorkspace): Promise<boolean> {
  try {
    const { returnCommits } = await import('../workspace/return-commits.ts');
    // No name of a cage has a dot in it: what is kept of two directories never meets.
    const { saved, checkoutStays } = await returnCommits(workspace, dir === '' ? name : `${name}.${dir}`);
    for (const { ref, as, because } of saved) context.progress(`${ref} of ${name} is kept as ${as}: ${because}`);
    if (checkoutStays !== undefined)
      context.progress(`HEAD and index of ${workspace.projectRoot} stay as they are: ${checkoutStays}`);
    return true;
  } catch (error) {
    tellWaiting(context, name, error);
    return false;
  }
}

function tellWaiting(context: Context, name: string, error: unknown): void {
  context.progress(`commits of ${name} stay in the cage for now: ${errorMessage(error)}`);
}
