// What the host changed since the base, brought into a cage that runs or not.
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { realPathSoFar } from '../platform/files.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { fromText, type BytePath } from '../workspace/byte-path.ts';
import { planSync, type SyncPlan } from '../workspace/plan-sync.ts';
import { syncWorkspace } from '../workspace/sync.ts';
import type { Context } from './context.ts';
import { repairCage, stateHealth } from './repair.ts';
import { readCageState, readSpec, withCageLock } from './store.ts';
import { placeOf, requireWorkspace } from './workspaces.ts';

export interface SyncRequest {
  dir?: string | undefined;
  /** Files and directories of the host, relative to where the command is given; empty: everything that changed. */
  paths: readonly string[];
  /** Where both sides changed a file, the cage loses its own. */
  force: boolean;
  /** Looks, and touches nothing. */
  dryRun: boolean;
}

export interface SyncOutcome extends Pick<SyncPlan, 'files' | 'conflicts' | 'overwritten' | 'leftOut'> {
  /** The project is mounted: what changes on the host is there at once. */
  inPlace: boolean;
}

/** Throws E_CONFLICT, with nothing changed, where both sides changed a file; a dry run tells of them instead. */
export async function syncCage(context: Context, name: string, request: SyncRequest): Promise<SyncOutcome> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const spec = await readSpec(context, name);
    const workspace = await requireWorkspace(spec, placeOf(context, spec, request.dir ?? ''));
    const paths = request.paths.map((path) => pathWithin(workspace.projectRoot, resolve(context.cwd, path), path));
    if (workspace.strategy === 'mount') {
      return { files: [], conflicts: [], overwritten: [], leftOut: [], inPlace: true };
    }
    const plan = await tellIfSlow(
      (line) => context.progress(line),
      `comparing with ${workspace.projectRoot}`,
      () => planSync(workspace, { paths, force: request.force }),
    );
    if (!request.dryRun && plan.files.length > 0) {
      const state = readCageState(context, name);
      const runs = state.phase === 'running' && stateHealth(state) !== 'broken';
      await syncWorkspace(workspace, plan, {
        process: runs ? state.init : undefined,
        step: (step) => context.step(`sync: ${step}`),
        tell: (line) => context.progress(line),
      });
    }
    const { files, conflicts, overwritten, leftOut } = plan;
    return { files, conflicts, overwritten, leftOut, inPlace: false };
  });
}

function pathWithin(root: string, path: string, given: string): BytePath {
  const below = relative(root, join(realPathSoFar(dirname(path)), basename(path)));
  if (below !== '..' && !below.startsWith(`..${sep}`) && !below.startsWith(sep)) return fromText(below);
  throw new IronError('E_USAGE', {
    message: `${given} is not in ${root}`,
    because: 'only files of the directory that the cage was made from can be brought into it',
    hint: 'name a path in it, or give --dir for a further directory',
  });
}
