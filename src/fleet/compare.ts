// What came of several cages, side by side: their changes file by file, what checks say, what it cost and what left.
import { auditSummary } from '../cage/audit.ts';
import { CHECK_MS, runChecks } from '../cage/checks.ts';
import type { Context } from '../cage/context.ts';
import { readSpec } from '../cage/store.ts';
import { changedWorkspace } from '../cage/work.ts';
import { IronError } from '../platform/errors.ts';
import { listRuns } from '../runs/list-runs.ts';
import type { RunInfo } from '../runs/run-view.ts';
import { compareChanges, differenceOfChanges, type ComparedFile } from '../workspace/compare-changes.ts';
import type { PieceWriter } from '../platform/processes.ts';
import type { TaskCheck } from './fleet-store.ts';
import { totalsOf } from './run-fleet.ts';

export interface ComparedCage {
  cage: string;
  agent: string | undefined;
  /** How its newest run ended, or stands; undefined of a cage without any. */
  status: RunInfo['status'] | undefined;
  exitCode: number | null;
  runs: number;
  /** From the beginning to the end of each run, added up. */
  durationMs: number;
  /** Of all its runs; undefined where no agent says so. */
  costUsd: number | undefined;
  inputTokens: number;
  outputTokens: number;
  change: { files: number; insertions: number; deletions: number };
  checks: readonly TaskCheck[];
  egress: { requests: number; refused: number; bytesOut: number; bytesIn: number };
}

export interface Comparison {
  cages: readonly ComparedCage[];
  /** Every file that one of them changed. */
  files: readonly ComparedFile[];
}

export interface CompareOptions {
  /** Commands for the shell of each cage. */
  checks?: readonly string[] | undefined;
  /** For each check. Default: ten minutes. */
  checkTimeoutMs?: number | undefined;
}

/** Throws E_NO_CAGE, E_USAGE for cages of different projects. */
export async function compareCages(
  context: Context,
  names: readonly string[],
  options: CompareOptions = {},
): Promise<Comparison> {
  refuseStrangers(await Promise.all(names.map((name) => readSpec(context, name))));
  // Before the checks: what those leave in a cage is not its work.
  const changes = await changesOf(context, names);
  const cages: ComparedCage[] = [];
  for (const change of changes) cages.push(await lookAt(context, change, options));
  return { cages, files: await compareChanges(changes) };
}

/** What would have to change in the work of the first cage for that of the second; hostile bytes. */
export async function differenceOfCages(
  context: Context,
  first: string,
  second: string,
  write: PieceWriter,
): Promise<void> {
  refuseStrangers([await readSpec(context, first), await readSpec(context, second)]);
  const [one, other] = await changesOf(context, [first, second]);
  if (one !== undefined && other !== undefined) await differenceOfChanges(one, other, write);
}

type ChangeOfCage = Awaited<ReturnType<typeof changedWorkspace>> & { cage: string };

async function changesOf(context: Context, names: readonly string[]): Promise<ChangeOfCage[]> {
  const changes: ChangeOfCage[] = [];
  for (const cage of names) changes.push({ cage, ...(await changedWorkspace(context, cage, '')) });
  return changes;
}

/** Files of different projects have nothing but their names in common. */
function refuseStrangers(
  specs: readonly { name: string; project: string; source?: { url: string } | undefined }[],
): void {
  const [first, ...rest] = specs;
  const projectOf = ({ project, source }: (typeof specs)[number]): string => source?.url ?? project;
  const strange = first && rest.find((spec) => projectOf(spec) !== projectOf(first));
  if (first === undefined || strange === undefined) return;
  throw new IronError('E_USAGE', {
    message: `${first.name} and ${strange.name} are cages of different projects`,
    because: `${projectOf(first)} and ${projectOf(strange)}`,
    hint: 'name cages of one project; `ironcage list` shows which they are of',
  });
}

async function lookAt(
  context: Context,
  { cage: name, change }: ChangeOfCage,
  options: CompareOptions,
): Promise<ComparedCage> {
  const spec = await readSpec(context, name);
  const runs = await listRuns(context, name);
  const last = runs.at(-1);
  const { total, decisions, bytesOut, bytesIn } = await auditSummary(context, name);
  const costs = runs.flatMap(({ costUsd }) => costUsd ?? []);
  return {
    cage: name,
    agent: last?.agent ?? spec.agent,
    status: last?.status,
    exitCode: last?.exitCode ?? null,
    runs: runs.length,
    durationMs: sum(runs.map((run) => durationOf(context, run))),
    costUsd: costs.length === 0 ? undefined : sum(costs),
    inputTokens: sum(runs.map(({ inputTokens }) => inputTokens)),
    outputTokens: sum(runs.map(({ outputTokens }) => outputTokens)),
    change: totalsOf(change.files),
    checks: await checksOf(context, name, options),
    egress: { requests: total, refused: decisions.deny, bytesOut, bytesIn },
  };
}

function durationOf(context: Context, { startedAt, endedAt }: RunInfo): number {
  return Math.max(0, (endedAt === null ? context.clock.now() : Date.parse(endedAt)) - Date.parse(startedAt));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** All of them, whatever those before gave. */
async function checksOf(
  context: Context,
  name: string,
  { checks = [], checkTimeoutMs = CHECK_MS }: CompareOptions,
): Promise<TaskCheck[]> {
  const outcomes = await runChecks(context, name, {
    ...{ commands: checks, timeoutMs: checkTimeoutMs, maxOutputBytes: 0, untilFailure: false },
    onCheck: (command) => context.progress(`${name}: ${command}`),
  });
  return (outcomes ?? []).map(({ output: _output, ...check }) => check);
}
