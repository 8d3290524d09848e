// The work in a cage, seen from the host: what changed, and how it gets back into the project.
import { IronError } from '../platform/errors.ts';
import type { PieceWriter } from '../platform/processes.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { applyToBranch } from '../workspace/apply-branch.ts';
import { applyToWorkingTree, refuseConflicts } from '../workspace/apply.ts';
import { planApply, type ApplyOnto, type ApplyPlan } from '../workspace/plan-apply.ts';
import { changeText, computeChange, type Change } from '../workspace/change.ts';
import { inspectProject } from '../workspace/project.ts';
import { unreturnedRefs } from '../workspace/return-commits.ts';
import { decideFiles, type DecidedFile } from '../workspace/review-decisions.ts';
import { sideRefs } from '../workspace/side-refs.ts';
import { hasUnexportedFiles } from '../workspace/unexported.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { leftOutByGuard, refuseInCommits, type GuardRequest } from './host-guard.ts';
import { repairCage } from './repair.ts';
import type { SpecDir } from './spec.ts';
import { cageExists, readSpec, withCageLock } from './store.ts';
import { placeOf, requireWorkspace, storedWorkspaces, workspacePlaces, type StoredWorkspace } from './workspaces.ts';

export interface CageDiff {
  cage: string;
  /** Only of a further directory: its name. */
  dir?: string;
  /** Trees of the base and of the cage, in the workspace’s own store. */
  base: string;
  tree: string;
  files: Change['files'];
  hostExecutable: Change['hostExecutable'];
  /** What is in the cage and cannot be part of a change. */
  skipped: Change['skipped'];
}

/** Of all functions here: `dir` is a further directory of the cage; '' is its project. */
async function workspaceOf(context: Context, name: string, dir: string): Promise<PreparedWorkspace> {
  const spec = await readSpec(context, name);
  return requireWorkspace(spec, placeOf(context, spec, dir));
}

/** The project, known as '', and the further directories. */
export async function listDirs(context: Context, name: string): Promise<SpecDir[]> {
  return workspacePlaces(context, await readSpec(context, name)).map(({ dir, path }) => ({ name: dir, path }));
}

/** A change that cannot be computed because the project is gone, whose objects and files it rests on, is told as that. */
async function changeOf(context: Context, workspace: PreparedWorkspace): Promise<Change> {
  try {
    return await tellIfSlow(
      (line) => context.progress(line),
      'reading the cage',
      () => computeChange(workspace),
    );
  } catch (error) {
    // Throws what is wrong with the project, where that is the reason.
    await inspectProject(workspace.projectRoot);
    throw error;
  }
}

/** A workspace of the cage with its change as it is now. */
export async function changedWorkspace(
  context: Context,
  name: string,
  dir: string,
): Promise<{ workspace: PreparedWorkspace; change: Change }> {
  const workspace = await workspaceOf(context, name, dir);
  return { workspace, change: await changeOf(context, workspace) };
}

/** What changed in the cage against its base; the cage may run meanwhile and is not touched. */
export async function diffCage(context: Context, name: string, dir = ''): Promise<CageDiff> {
  const { base, tree, files, hostExecutable, skipped } = await changeOf(context, await workspaceOf(context, name, dir));
  return { cage: name, ...(dir === '' ? {} : { dir }), base, tree, files, hostExecutable, skipped };
}

/** A change that was looked at as text, in pieces with bytes from inside the cage: make it printable before it reaches a terminal. */
export async function diffCageText(
  context: Context,
  { cage, dir = '', ...change }: CageDiff,
  style: 'stat' | 'full',
  write: PieceWriter,
): Promise<void> {
  await changeText(await workspaceOf(context, cage, dir), change, style, write);
}

/** Before what is nowhere else but in the clone of a cage that was made from a URL. */
export const OF_CLONE = 'clone: ';

/**
 * Paths of the files whose only copy is in the cage; of one over a mounted project the names of its branches. Those of a further
 * directory stand behind its name; with `dir` they are all that counts.
 */
export async function unexportedFiles(context: Context, name: string, dir?: string): Promise<string[]> {
  const stored = await storedWorkspaces(context, name);
  const names = await unexportedIn(context, dir === undefined ? stored : stored.filter((each) => each.dir === dir));
  if (dir !== undefined || !cageExists(context, name)) return names;
  // Work that was applied to a clone of ours is nowhere else until it is pushed.
  const { source, project } = await readSpec(context, name);
  if (source === undefined) return names;
  const { unpushedWork } = await import('../workspace/clone-work.ts');
  return [...names, ...(await unpushedWork(project)).map((each) => `${OF_CLONE}${each}`)];
}

export async function unexportedIn(context: Context, workspaces: readonly StoredWorkspace[]): Promise<string[]> {
  const names: string[] = [];
  for (const { dir: of, workspace } of workspaces) {
    names.push(...(await ownWork(context, workspace)).map((each) => `${of === '' ? '' : `${of}: `}${each}`));
  }
  return names;
}

async function ownWork(context: Context, workspace: PreparedWorkspace): Promise<readonly string[]> {
  if (workspace.strategy === 'mount') return unreturnedRefs(workspace);
  const files = (await hasUnexportedFiles(workspace)) ? (await changeOf(context, workspace)).files : [];
  return [...files.map(({ path }) => path), ...(await sideRefs(workspace))];
}

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
  // The index that the project is recorded with is one, and what an interrupted apply left is no state to plan upon.
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    if (await isInPlace(context, name))
      return { files: [], conflicts: [], stays: [], hostExecutable: [], inPlace: true };
    const { workspace, files, conflicts, stays, hostExecutable } = await freshPlan(context, name, dir, target);
    return { files, conflicts, stays, hostExecutable: decideFiles(workspace, hostExecutable), inPlace: false };
  });
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
  const workspace = await workspaceOf(context, name, dir);
  const change = await changeOf(context, workspace);
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
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    if (await isInPlace(context, name)) {
      await bringCommits(context, name);
      return { applied: [], leftOut: [] };
    }
    const plan = await freshPlan(context, name, request.dir ?? '', request.target);
    // A branch is merged with what is committed: what the work tree holds besides is no part of it, nor in its way.
    if (request.target === 'working-tree') refuseConflicts(plan.conflicts);
    const leaveOut = leftOutByGuard(plan, name, request);
    if (request.target === 'working-tree') return applyToWorkingTree(plan, { leaveOut });
    const { branch, keepsCommits = false } = request.target;
    const { dir = '' } = request;
    // No name of a cage has a dot in it: what is kept of two directories never meets.
    const cageName = dir === '' ? name : `${name}.${dir}`;
    if (!keepsCommits) return applyToBranch(plan, branch, { leaveOut, cageName });
    if (leaveOut.length > 0) throw cannotLeaveOut(leaveOut);
    const { applyCommits } = await import('../workspace/apply-commits.ts');
    return applyCommits(plan, branch, cageName, (files) => refuseInCommits(plan.workspace, files, name, request));
  });
}

function cannotLeaveOut(files: readonly string[]): IronError {
  return new IronError('E_USAGE', {
    message: `commits that are kept as they are cannot leave files out: ${files.join(', ')}`,
    hint: 'accept these files, or leave --keep-commits out',
  });
}
