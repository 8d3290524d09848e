// What a cage committed over a mounted project, brought into the project's repository: when somebody leaves the cage, when it stops,
// starts or is removed. A failure keeps nobody from leaving or stopping; it is told, and the commits wait in the cage.
import { errorMessage } from '../platform/errors.ts';
import { loadWorkspace, type PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readSpec } from './store.ts';

/** The caller holds the cage's lock. False when some wait in the cage. */
export async function bringCommits(context: Context, name: string): Promise<boolean> {
  try {
    const workspace = await mountedWorkspace(context, await readSpec(context, name));
    if (workspace !== undefined) await bring(context, name, workspace);
    return true;
  } catch (error) {
    context.progress(`commits of ${name} stay in the cage for now: ${errorMessage(error)}`);
    return false;
  }
}

/** Before a start, with nobody inside: the cage goes on with the project's repository as it stands. */
export async function refreshCommits(context: Context, spec: CageSpec): Promise<void> {
  const workspace = await mountedWorkspace(context, spec);
  if (workspace === undefined) return;
  const isBrought = await bringCommits(context, spec.name);
  if (!isBrought) return;
  const { refreshMountedGit } = await import('../workspace/return-commits.ts');
  if (await refreshMountedGit(workspace)) return;
  context.progress(
    `${spec.name} is in the middle of a merge or a rebase: it does not see what git did in the project meanwhile`,
  );
}

async function mountedWorkspace(context: Context, spec: CageSpec): Promise<PreparedWorkspace | undefined> {
  if (spec.workspace === 'copy') return undefined;
  return loadWorkspace(cagePaths(context, spec.name).root);
}

async function bring(context: Context, name: string, workspace: PreparedWorkspace): Promise<void> {
  const { returnCommits } = await import('../workspace/return-commits.ts');
  const { saved, checkoutStays } = await returnCommits(workspace, name);
  for (const { ref, as, because } of saved) context.progress(`${ref} of ${name} is kept as ${as}: ${because}`);
  if (checkoutStays !== undefined) context.progress(`the project’s HEAD and index stay as they are: ${checkoutStays}`);
}
