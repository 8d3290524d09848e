// Makes the workspaces of a cage: of its project when it is created, of further directories also later. Never writes to what they
// are made from, and runs nothing of it.
import { searchPath } from '../backends/host/tools.ts';
import { prepareWorkspace } from '../workspace/prepare.ts';
import { inspectProject } from '../workspace/project.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import { cageIdentity, currentCaller } from './identity.ts';
import type { CageSpec } from './spec.ts';
import type { WorkspacePlace } from './workspaces.ts';

/** What is waited for; absent, it is found out, or nothing is. */
interface Waits {
  /** Whether overlays work here, where that is known. */
  overlays?: () => Promise<boolean | undefined>;
  /** Called when a project was looked at: nothing is copied before it has come to its end. */
  ready?: () => Promise<unknown>;
}

/** Throws E_PROTECTION for a mounted directory that cannot be guarded. */
export async function layWorkspaces(
  context: Context,
  spec: CageSpec,
  places: readonly WorkspacePlace[],
  { overlays, ready }: Waits = {},
): Promise<void> {
  const caller = currentCaller();
  const { uid, gid } = cageIdentity(caller, spec);
  const owner = caller.uid === 0 ? { uid, gid } : undefined;
  // Found out while the project is looked at.
  const strategy = strategyFor(context, spec, owner !== undefined, overlays);
  strategy.catch(() => undefined);
  for (const { dir, path, storeDirectory } of places) {
    const workspace = await prepareWorkspace({
      project: await inspectProject(path),
      ...{ storeDirectory, strategy, ready, owner, writable: spec.workspace !== 'mount-ro' },
      includeIgnored: spec.includeIgnored === true,
      tell: (line) => context.progress(line),
    });
    // What cannot be guarded is refused now, and not by the first start.
    if (workspace.strategy === 'mount') await (await import('../workspace/mount-guard.ts')).guardMount(workspace);
    for (const left of workspace.leftOut)
      context.progress(`left out${dir === '' ? '' : ` of ${dir}`}: ${left.path} (${left.reason})`);
  }
}

async function strategyFor(
  context: Context,
  spec: CageSpec,
  hasOwner: boolean,
  known: Waits['overlays'],
): Promise<PreparedWorkspace['strategy']> {
  if (spec.workspace !== 'copy') return 'mount';
  if (spec.backend !== 'native' || hasOwner) return 'copy';
  const overlays = await known?.();
  if (overlays !== undefined) return overlays ? 'overlay' : 'copy';
  const { probeOverlay } = await import('../backends/native/probe.ts');
  return (await probeOverlay(searchPath(context.environment), false)).status === 'ok' ? 'overlay' : 'copy';
}
