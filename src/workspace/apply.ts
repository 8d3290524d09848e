// Writes a planned change into the host's project, all of it or nothing. Whatever is found to be other than planned ends it before the
// first file; links in the project are never written through.
import { IronError } from '../platform/errors.ts';
import { hostWrites, withoutLeftOut, type ApplyPlan } from './plan-apply.ts';
import { findObstacles, recordHostTree } from './host-tree.ts';
import type { Conflict } from './merge-trees.ts';
import { inspectProject } from './project.ts';
import { rememberApplied } from './remember-applied.ts';
import { repairApply } from './repair-apply.ts';
import { changedMeanwhile, lookAtFiles, orderWrites, replaceFiles } from './replace-files.ts';

export interface ApplyOptions {
  /** Paths, as the plan shows them, that stay as they are on the host. */
  leaveOut?: readonly string[] | undefined;
  /** Hears how far it is, where it takes long. */
  tell?: ((line: string) => void) | undefined;
}

export interface Applied {
  /** Paths, as the plan shows them. */
  applied: string[];
  leftOut: string[];
}

/** Throws E_CONFLICT, with nothing changed, when the plan has conflicts or the host is not as planned. */
export async function applyToWorkingTree(plan: ApplyPlan, options: ApplyOptions = {}): Promise<Applied> {
  const { workspace } = plan;
  refuseConflicts(plan.conflicts);
  await repairApply(workspace.storeDirectory);
  const project = await inspectProject(workspace.projectRoot);
  const { taken, leftOut } = withoutLeftOut(plan.differences, options.leaveOut ?? []);
  const writes = orderWrites(hostWrites(taken));
  const { root } = project;
  // Looked at first and compared with the plan afterwards: whatever is written in between is noticed by one or the other.
  const steps = lookAtFiles({ root }, writes);
  if ((await recordHostTree(workspace, project)) !== plan.host) throw changedMeanwhile({});
  refuseConflicts(findObstacles(root, writes));
  if (writes.length > 0) await replaceFiles(workspace, { root, writes, steps, tell: options.tell });
  if (leftOut.length === 0) await rememberApplied(workspace, plan.work);
  return { applied: taken.map((file) => file.path), leftOut: leftOut.map((file) => file.path) };
}

export function refuseConflicts(conflicts: readonly Conflict[]): void {
  if (conflicts.length === 0) return;
  throw new IronError('E_CONFLICT', {
    message: `the change conflicts with the host in ${conflicts.length} ${conflicts.length === 1 ? 'file' : 'files'}`,
    because: conflicts
      .slice(0, 5)
      .map(({ path, kind }) => `${JSON.stringify(path)} (${kind})`)
      .join(', '),
    hint: 'nothing was changed; apply to a branch and merge it, or make both sides agree first',
    details: { conflicts },
  });
}
