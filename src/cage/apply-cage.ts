// A cage's change taken into its project: into the working tree, or onto a branch beside it.
import { errorMessage, IronError } from '../platform/errors.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { printableLine } from '../platform/text.ts';
import { applyToBranch } from '../workspace/apply-branch.ts';
import { applyToWorkingTree, refuseConflicts } from '../workspace/apply.ts';
import { toText } from '../workspace/byte-path.ts';
import { planApply, type ApplyOnto, type ApplyPlan } from '../workspace/plan-apply.ts';
import { decideFiles, type DecidedFile } from '../workspace/review-decisions.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { leftOutByGuard, refuseInCommits, type GuardRequest } from './host-guard.ts';
import { repairCage } from './repair.ts';
import { readSpec, withCageLock } from './store.ts';
import { changedWorkspace } from './work.ts';

export interface ApplyView extends Pick<ApplyPlan, 'files' | 'conflicts' | 'stays'> {
  /** With what was decided in a review of exactly these contents. */
  hostExecutable: readonly DecidedFile[];
  /** The project is mounted: there is nothing to bring there. */
  inPlace: boolean;
}

/** What an apply would do to the project as it stands now, or to a branch beside it. Touches nothing. */
export async function planApplyCage(
  context: Context,
  name: string,
  dir = '',
  target: ApplyRequest['target'] = 'working-tree',
): Promise<ApplyView> {
  return (await applyDecided(context, name, { dir, target }, () => undefined)).plan;
}

/**
 * Plans once, and does what `decide` says of that plan; undefined, or whatever it throws, leaves everything as it is. The cage is
 * locked meanwhile: nobody is to be asked in there.
 */
export async function applyDecided(
  context: Context,
  name: string,
  { dir = '', target }: Pick<ApplyRequest, 'dir' | 'target'>,
  decide: (plan: ApplyView) => GuardRequest | undefined,
): Promise<{ plan: ApplyView; outcome: ApplyOutcome | undefined }> {
  // The index that the project is recorded with is one, and what an interrupted apply left is no state to plan upon.
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const fresh = (await isInPlace(context, name)) ? undefined : await freshPlan(context, name, dir, target);
    const plan = fresh === undefined ? IN_PLACE : viewOf(fresh);
    const request = decide(plan);
    if (request === undefined) return { plan, outcome: undefined };
    if (fresh !== undefined)
      return { plan, outcome: await applyPlanned(context, name, fresh, { ...request, dir, target }) };
    await bringCommits(context, name);
    return { plan, outcome: { applied: [], leftOut: [] } };
  });
}

const IN_PLACE: ApplyView = { files: [], conflicts: [], stays: [], hostExecutable: [], inPlace: true };

function viewOf({ workspace, files, conflicts, stays, hostExecutable }: ApplyPlan): ApplyView {
  return { files, conflicts, stays, hostExecutable: decideFiles(workspace, hostExecutable), inPlace: false };
}

async function isInPlace(context: Context, name: string): Promise<boolean> {
  return (await readSpec(context, name)).workspace !== 'copy';
}

async function freshPlan(
  context: Context,
  name: string,
  dir: string,
  target: ApplyRequest['target'],
): Promise<ApplyPlan> {
  const { workspace, change } = await changedWorkspace(context, name, dir);
  return tellIfSlow(
    (line) => context.progress(line),
    `comparing with ${workspace.projectRoot}`,
    () => planApply(workspace, change, ontoOf(target)),
  );
}

function ontoOf(target: ApplyRequest['target']): ApplyOnto {
  if (target === 'working-tree') return target;
  return target.keepsCommits === true ? 'base-head' : 'head';
}

export interface ApplyRequest extends GuardRequest {
  dir?: string | undefined;
  /** `keepsCommits`: the agent's own, with author and message; default: one commit of it all. */
  target: 'working-tree' | { branch: string; keepsCommits?: boolean };
}

export interface ApplyOutcome {
  applied: readonly string[];
  leftOut: readonly string[];
  branch?: string | undefined;
  commit?: string | undefined;
}

/** Takes the change into the project: all of it, or nothing. Throws E_CONFLICT and E_HOST_EXECUTABLE before anything is written. */
export async function applyCage(context: Context, name: string, request: ApplyRequest): Promise<ApplyOutcome> {
  const { outcome } = await applyDecided(context, name, request, () => request);
  if (outcome === undefined) throw new Error('an apply that was decided has an outcome');
  return outcome;
}

async function applyPlanned(
  context: Context,
  name: string,
  plan: ApplyPlan,
  request: ApplyRequest & { dir: string },
): Promise<ApplyOutcome> {
  const { dir, target } = request;
  // A branch is merged with what is committed: what the work tree holds besides is no part of it, nor in its way.
  if (target === 'working-tree') refuseConflicts(plan.conflicts);
  const leaveOut = leftOutByGuard(plan, name, request);
  // No name of a cage has a dot in it: what is kept of two directories never meets.
  const cageName = dir === '' ? name : `${name}.${dir}`;
  if (target === 'working-tree') {
    const applied = await applyToWorkingTree(plan, { leaveOut, tell: (line) => context.progress(line) });
    await keepSubmodules(context, plan, cageName);
    return applied;
  }
  const { branch, keepsCommits = false } = target;
  if (!keepsCommits) return applyToBranch(plan, branch, { leaveOut, cageName });
  if (leaveOut.length > 0) throw cannotLeaveOut(leaveOut);
  const { applyCommits } = await import('../workspace/apply-commits.ts');
  return applyCommits(plan, branch, cageName, (files) => refuseInCommits(plan.workspace, files, name, request));
}

/** The files are in place: commits that cannot come stay in the cage, which `rm` then asks about. */
async function keepSubmodules(context: Context, { workspace, moved }: ApplyPlan, cageName: string): Promise<void> {
  if (moved.length === 0) return;
  const { bringSubmodule } = await import('../workspace/submodule-commits.ts');
  for (const move of moved) {
    const path = printableLine(toText(move.path));
    try {
      const ref = await bringSubmodule(workspace, move, cageName);
      if (ref !== undefined) context.progress(`commits of the submodule ${path} are kept there as ${ref}`);
    } catch (error) {
      context.progress(`commits of the submodule ${path} stay in the cage: ${errorMessage(error)}`);
    }
  }
}

function cannotLeaveOut(files: readonly string[]): IronError {
  return new IronError('E_USAGE', {
    message: `commits that are kept as they are cannot leave files out: ${files.join(', ')}`,
    hint: 'accept these files, or leave --keep-commits out',
  });
}
