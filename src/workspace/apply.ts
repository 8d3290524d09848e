// Writes a planned change into the host's project, all of it or nothing. New files are made ready in a directory beside them,
// former files are kept until the end, a journal says how far it got; links in the project are never written through.
import { chmodSync, closeSync, lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { dropJournal, writeJournal, type ApplyJournal } from './apply-journal.ts';
import { hostWrites, withoutLeftOut, type ApplyPlan } from './plan-apply.ts';
import { commitStep, identify, keepFormer, removeEmptyParents, undoStep, type Site, type Step } from './apply-steps.ts';
import { baseStore } from './base.ts';
import { below, joinRecords, unsafeComponent, toText } from './byte-path.ts';
import { isGone, openDirectory } from './directory-handle.ts';
import { git } from './git.ts';
import { findObstacles, recordHostTree, type HostWrite } from './host-tree.ts';
import type { Conflict } from './merge-trees.ts';
import { inspectProject } from './project.ts';
import { repairApply } from './repair-apply.ts';
import { diffTrees } from './tree-diff.ts';
import { rememberApplied, workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface ApplyOptions {
  /** Paths, as the plan shows them, that stay as they are on the host. */
  leaveOut?: readonly string[] | undefined;
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
  const store = baseStore(workspace.base);
  const { taken, leftOut } = withoutLeftOut(await diffTrees(store, plan.host, plan.merged), options.leaveOut ?? []);
  const writes = orderWrites(hostWrites(taken));
  refuseUnsafePaths(writes);
  // Looked at first and compared with the plan afterwards: whatever is written in between is noticed by one or the other.
  const steps = lookAtFiles(project.root, writes);
  if ((await recordHostTree(workspace, project)) !== plan.host) throw hostChanged([]);
  refuseConflicts(findObstacles(project.root, writes));
  if (writes.length > 0) await writeAll(workspace, { root: project.root, writes, steps });
  if (leftOut.length === 0) await rememberApplied(workspace, plan.cage);
  return { applied: taken.map((file) => file.path), leftOut: leftOut.map((file) => file.path) };
}

/** Deletes come first, deepest first: they make room for files where directories were, and the other way round. */
function orderWrites(writes: readonly HostWrite[]): HostWrite[] {
  const deletes = writes.filter((write) => write.after === undefined);
  const rest = writes.filter((write) => write.after !== undefined);
  return [...deletes.sort((a, b) => (a.path < b.path ? 1 : -1)), ...rest];
}

/** What is going to be written, in order, with the files that are there now. */
interface Work {
  root: string;
  writes: readonly HostWrite[];
  steps: readonly Step[];
}

function lookAtFiles(root: string, writes: readonly HostWrite[]): Step[] {
  return writes.map(({ path, before, after }) => {
    const action = after === undefined ? 'delete' : 'write';
    if (before === undefined) return { path, action };
    try {
      return { path, action, seen: identify(lstatSync(below(root, path), { bigint: true })) };
    } catch (error) {
      if (isGone(error)) throw hostChanged([{ path: toText(path), kind: 'changed' }]);
      throw error;
    }
  });
}

async function writeAll(workspace: PreparedWorkspace, work: Work): Promise<void> {
  const { root } = work;
  const directory = workspaceDirectory(workspace.storeDirectory);
  const staging = `.ironcage-apply-${randomBytes(6).toString('hex')}`;
  const journal: ApplyJournal = { version: 1, phase: 'staging', root, staging, steps: [...work.steps] };
  writeJournal(directory, journal);
  const stagingPath = join(root, staging);
  mkdirSync(stagingPath, { mode: 0o700 });
  const site: Site = { root: openDirectory(root), staging: openDirectory(stagingPath) };
  try {
    try {
      await stage(workspace, site, stagingPath, work);
      writeJournal(directory, { ...journal, phase: 'committing' });
    } catch (error) {
      cleanUp(directory, root, stagingPath);
      throw error;
    }
    // From here on, an end without a clean-up leaves the journal and the former files for repairApply.
    const changed = commitAll(site, work.steps);
    cleanUp(directory, root, stagingPath);
    if (changed !== undefined) throw hostChanged([{ path: toText(changed.path), kind: 'changed' }]);
  } finally {
    closeSync(site.root);
    closeSync(site.staging);
  }
}

function cleanUp(directory: string, root: string, stagingPath: string): void {
  removeTree(stagingPath, root);
  dropJournal(directory);
}

/** Makes the new files ready and keeps the former ones. */
async function stage(workspace: PreparedWorkspace, site: Site, stagingPath: string, work: Work): Promise<void> {
  const index = join(workspace.base.gitDir, 'apply.index');
  removeTree(index, workspace.base.gitDir);
  const entries = work.writes.flatMap(({ after }, number) =>
    after === undefined ? [] : [`${after.mode} ${after.oid} 0\t${number}`],
  );
  const call = { gitDir: workspace.base.gitDir, workTree: stagingPath, indexFile: index };
  await git(['update-index', '-z', '--index-info'], { ...call, input: joinRecords(entries) });
  await git(['checkout-index', '--all', '--quiet'], call);
  for (const [number, step] of work.steps.entries()) {
    if (step.seen === undefined) continue;
    keepFormer(site, step, number);
    if (step.action === 'write') takeOver(below(work.root, step.path), join(stagingPath, `${number}`));
  }
}

/** A replaced file keeps its owner and its permissions, but for what the change says about running it. */
function takeOver(present: Buffer, staged: string): void {
  const before = lstatSync(present);
  const after = lstatSync(staged);
  if (process.geteuid?.() === 0) lchownSync(staged, before.uid, before.gid);
  if (!before.isFile() || !after.isFile()) return;
  const read = before.mode & 0o666;
  chmodSync(staged, (after.mode & 0o100) === 0 ? read : read | ((read & 0o444) >> 2));
}

/** Takes all steps, or none: returns the step before which the host was found changed, once all others are undone. */
function commitAll(site: Site, steps: readonly Step[]): Step | undefined {
  for (const [number, step] of steps.entries()) {
    if (commitStep(site, step, number) === 'changed') {
      undoAll(site, steps, number - 1);
      return step;
    }
    if (step.action === 'delete') removeEmptyParents(site.root, step.path);
  }
  return undefined;
}

function undoAll(site: Site, steps: readonly Step[], last: number): void {
  for (let number = last; number >= 0; number--) {
    const step = steps[number];
    if (step !== undefined) undoStep(site, step, number);
  }
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

function hostChanged(conflicts: readonly Conflict[]): IronError {
  return new IronError('E_CONFLICT', {
    message: 'the project on the host changed since the plan was made',
    hint: 'nothing was changed; run the command again',
    details: { conflicts },
  });
}

function refuseUnsafePaths(writes: readonly HostWrite[]): void {
  for (const { path } of writes) {
    const why = path
      .split('/')
      .map(unsafeComponent)
      .find((reason) => reason !== undefined);
    if (why === undefined) continue;
    throw new IronError('E_REFUSED', {
      message: `refused to write ${JSON.stringify(toText(path))}`,
      because: `a part of the name ${why}`,
      hint: 'leave the file out; this is a protection of the host',
    });
  }
}
