// A cage's files copied out: into its project, or into a directory of the user's.
import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { isInside, realPathSoFar } from '../platform/files.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { exportFiles, type Exported } from '../workspace/export.ts';
import { planExport, type ExportPlan } from '../workspace/plan-export.ts';
import { decideFiles, type DecidedFile } from '../workspace/review-decisions.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { leftOutByGuard, type GuardRequest } from './host-guard.ts';
import { repairCage } from './repair.ts';
import type { CageSpec } from './spec.ts';
import { readSpec, withCageLock } from './store.ts';
import { placeOf, requireWorkspace } from './workspaces.ts';

export interface ExportQuery {
  dir?: string | undefined;
  /** A directory, relative to where the command is given; made where it is missing. Absent: the project itself. */
  output?: string | undefined;
  /** Of several directories: each goes below `output`, by its name. */
  below?: boolean | undefined;
  deletes: boolean;
  protect: readonly string[];
  includeIgnored: boolean;
  force: boolean;
}

export interface ExportView extends Pick<
  ExportPlan,
  'files' | 'unchanged' | 'conflicts' | 'wouldDelete' | 'protectedFiles' | 'skipped'
> {
  /** Absolute. */
  target: string;
  /** With what was decided in a review of exactly these contents. */
  hostExecutable: readonly DecidedFile[];
  /** The project is mounted, and is the target: there is nothing to bring there. */
  inPlace: boolean;
}

/** What an export would do. Touches nothing. */
export async function planExportCage(context: Context, name: string, query: ExportQuery): Promise<ExportView> {
  return (await exportDecided(context, name, query, () => undefined)).plan;
}

export interface ExportOutcome extends Exported, Pick<ExportView, 'target' | 'inPlace'> {}

/** All of it or nothing. Throws E_CONFLICT and E_HOST_EXECUTABLE before anything is written. */
export async function exportCage(
  context: Context,
  name: string,
  { hostExecutable, shown, notShown, ...query }: ExportQuery & GuardRequest,
): Promise<ExportOutcome> {
  const { outcome } = await exportDecided(context, name, query, () => ({ hostExecutable, shown, notShown }));
  if (outcome === undefined) throw new Error('an export that was decided has an outcome');
  return outcome;
}

/**
 * Plans once, and writes what `decide` says of that plan; undefined, or whatever it throws, leaves everything as it is. The cage is
 * locked meanwhile: nobody is to be asked in there.
 */
export async function exportDecided(
  context: Context,
  name: string,
  query: ExportQuery,
  decide: (plan: ExportView) => GuardRequest | undefined,
): Promise<{ plan: ExportView; outcome: ExportOutcome | undefined }> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const fresh = await freshPlan(context, name, query);
    const plan = 'inPlace' in fresh ? fresh : viewOf(fresh);
    const request = decide(plan);
    if (request === undefined) return { plan, outcome: undefined };
    if ('inPlace' in fresh) {
      await bringCommits(context, name);
      return { plan, outcome: { target: plan.target, exported: [], leftOut: [], inPlace: true } };
    }
    const exported = await exportFiles(fresh, {
      leaveOut: leftOutByGuard(fresh, name, request),
      step: (step) => context.step(`export: ${step}`),
      tell: (line) => context.progress(line),
    });
    return { plan, outcome: { target: plan.target, ...exported, inPlace: false } };
  });
}

function viewOf(plan: ExportPlan): ExportView {
  const { root: target, files, unchanged, conflicts, wouldDelete, protectedFiles, skipped } = plan;
  const hostExecutable = decideFiles(plan.workspace, plan.hostExecutable);
  return { target, files, unchanged, conflicts, wouldDelete, protectedFiles, skipped, hostExecutable, inPlace: false };
}

async function freshPlan(context: Context, name: string, query: ExportQuery): Promise<ExportPlan | ExportView> {
  const spec = await readSpec(context, name);
  const place = placeOf(context, spec, query.dir ?? '');
  const workspace = await requireWorkspace(spec, place);
  const target = targetOf(context, spec, { ...query, dir: place.dir });
  const isProject = target === undefined || target === workspace.projectRoot;
  if (isProject && spec.workspace !== 'copy') return inPlace(workspace.projectRoot);
  return tellIfSlow(
    (line) => context.progress(line),
    `comparing with ${target ?? workspace.projectRoot}`,
    () => planExport(workspace, { ...query, target: isProject ? undefined : target }),
  );
}

function inPlace(target: string): ExportView {
  const nothing = { files: [], unchanged: 0, conflicts: [], wouldDelete: [], protectedFiles: [], skipped: [] };
  return { target, ...nothing, hostExecutable: [], inPlace: true };
}

function targetOf(
  context: Context,
  { project, dirs = [] }: CageSpec,
  { output, below, dir = '' }: ExportQuery,
): string | undefined {
  if (output === undefined) return undefined;
  const own = dir === '' ? basename(project) : dir;
  if (below === true && dir === '' && dirs.some(({ name }) => name === own)) throw sameName(own);
  const target = realPathSoFar(resolve(context.cwd, below === true ? join(output, own) : output));
  if (isInside(target, realPathSoFar(context.dataRoot)) || target === '/') {
    throw new IronError('E_REFUSED', {
      message: `${target} is no place to export to`,
      because: target === '/' ? 'it is the root of this machine’s files' : 'it is where ironcage keeps its cages',
      hint: 'name a directory of its own: -o ../shop-export',
    });
  }
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new IronError('E_USAGE', {
      message: `${target} is no directory`,
      hint: 'name a directory: -o ../shop-export',
    });
  }
  return target;
}

function sameName(name: string): IronError {
  return new IronError('E_USAGE', {
    message: `the project and a further directory would both be exported as ${name}`,
    hint: 'export them one by one: without --all, and with --dir',
  });
}
