// Many tasks over a few cages at a time. Every step is on disk before it is taken; runs outlive this process, so that a fleet whose
// command was killed or interrupted is gone on with: what runs is taken up, what has ended is not done again.
import { resolve } from 'node:path';
import { CHECK_MS, runChecks, type CheckOutcome } from '../cage/checks.ts';
import type { Context } from '../cage/context.ts';
import { cageExists } from '../cage/store.ts';
import { auditSummary } from '../cage/audit.ts';
import { IronError, toIronError } from '../platform/errors.ts';
import { withLock } from '../platform/locks.ts';
import { parseSpan } from '../policy/quantities.ts';
import { launchRun } from '../runs/launch-run.ts';
import { listRuns } from '../runs/list-runs.ts';
import type { RunInfo } from '../runs/run-view.ts';
import { awaitRun } from '../runs/await-run.ts';
import { readFleetFile, type FleetTask } from './fleet-file.ts';
import {
  createFleet,
  digestOf,
  fleetPaths,
  listFleets,
  readFleet,
  writeFleet,
  type FleetRecord,
  type TaskCheck,
  type TaskCosts,
  type TaskState,
} from './fleet-store.ts';
import { writeResults } from './task-results.ts';

export interface FleetOptions {
  /** Cages at work at a time; default: what the file says. */
  jobs?: number | undefined;
  /** Another fleet, although one of this file is not at its end. */
  fresh?: boolean | undefined;
  /** Aborted: nothing new is begun, and what runs goes on by itself. */
  signal?: AbortSignal | undefined;
  /** After every step of a task, and as its costs rise. */
  onChange?: ((fleet: FleetRecord) => void) | undefined;
}

const MAX_CHECK_OUTPUT_BYTES = 4 * 2 ** 20;

/**
 * Runs the tasks of a file, or goes on with them. Resolves with the fleet: `endedAt` is undefined when `signal` came first. Throws
 * E_CONFIG, E_USAGE, E_LOCKED; what goes wrong with one task is in its state.
 */
export async function runFleet(context: Context, path: string, options: FleetOptions = {}): Promise<FleetRecord> {
  const file = resolve(context.cwd, path);
  const read = readFleetFile(file);
  for (const task of read.tasks) spanOf(task);
  const digest = digestOf(read);
  const open = listFleets(context)
    .filter((fleet) => fleet.name === read.name && fleet.file === file && fleet.endedAt === undefined)
    .at(-1);
  if (open !== undefined && options.fresh !== true) {
    if (open.digest !== digest) throw changedMeanwhile(open);
    context.progress(`goes on with the fleet ${open.id}`);
  }
  const record = open !== undefined && options.fresh !== true ? open : createFleet(context, file, read);
  return withLock(fleetPaths(context, record.id).lock, { what: `the fleet ${record.id}`, timeoutMs: 0 }, async () =>
    // Once more, now that nobody else writes it.
    workThrough(context, readFleet(context, record.id), options),
  );
}

function changedMeanwhile({ id, file }: FleetRecord): IronError {
  return new IronError('E_CONFLICT', {
    message: `the fleet ${id} of this file is not at its end, and its tasks are other ones now`,
    hint: `--fresh begins another fleet; to go on with the first one, put ${file} back as it was`,
  });
}

async function workThrough(context: Context, fleet: FleetRecord, options: FleetOptions): Promise<FleetRecord> {
  const { signal, onChange } = options;
  const note = (index: number, state: TaskState): void => {
    const entry = fleet.tasks[index];
    if (entry === undefined) throw new Error('no such task');
    entry.state = state;
    writeFleet(context, fleet);
    onChange?.(fleet);
  };
  onChange?.(fleet);
  const waiting = fleet.tasks.flatMap(({ task, state }, index) => (hasEnded(state) ? [] : [{ task, index }]));
  const nextOf = (): (typeof waiting)[number] | undefined => (signal?.aborted === true ? undefined : waiting.shift());
  const work = async (): Promise<void> => {
    for (let next = nextOf(); next !== undefined; next = nextOf()) {
      const { task, index } = next;
      await workOn(context, fleet, task, {
        state: () => fleet.tasks[index]?.state ?? WAITING,
        note: (state) => note(index, state),
        signal,
      });
    }
  };
  const jobs = Math.max(1, Math.min(options.jobs ?? fleet.jobs, waiting.length));
  await Promise.all(Array.from({ length: jobs }, work));
  if (fleet.tasks.every(({ state }) => hasEnded(state))) {
    fleet.endedAt = now(context);
    writeFleet(context, fleet);
    onChange?.(fleet);
  }
  return fleet;
}

export function hasEnded({ status }: TaskState): boolean {
  return status === 'done' || status === 'failed' || status === 'stopped';
}

interface Work {
  state: () => TaskState;
  /** On disk when it returns. */
  note: (state: TaskState) => void;
  signal: AbortSignal | undefined;
}

async function workOn(context: Context, fleet: FleetRecord, task: FleetTask, work: Work): Promise<void> {
  for (;;) {
    const found = work.state();
    if (found.status === 'waiting') {
      const attempt = found.attempt + 1;
      const cage = `${fleet.id}-${task.name}${attempt === 1 ? '' : `-${attempt}`}`;
      const startedAt = found.startedAt ?? now(context);
      work.note({ ...WAITING, status: 'running', attempt, cage, startedAt, ...costs(found), before: costs(found) });
    }
    const outcome = await attemptTask(context, fleet, task, work);
    if (outcome === 'interrupted') return;
    const { state, mayRetry } = outcome;
    if (mayRetry && state.attempt <= task.retries) {
      context.progress(`${task.name}: attempt ${state.attempt} failed: ${state.reason ?? ''}`);
      work.note({ ...state, status: 'waiting' });
      continue;
    }
    work.note({ ...state, endedAt: now(context) });
    return;
  }
}

interface Attempted {
  state: TaskState;
  mayRetry: boolean;
}

/** One attempt, from wherever the process before this one left it, to its end. */
async function attemptTask(
  context: Context,
  fleet: FleetRecord,
  task: FleetTask,
  { state, note, signal }: Work,
): Promise<Attempted | 'interrupted'> {
  const { cage } = state();
  if (cage === undefined) throw new Error('a task that runs in no cage');
  try {
    const run = await runOf(context, fleet, task, state(), cage);
    note({ ...state(), run: run.id });
    const ended = await awaitRun(context, run.id, {
      signal,
      onLook: (seen) => note({ ...state(), ...costsWith(state(), seen) }),
    });
    if (ended === undefined) return 'interrupted';
    note({ ...state(), status: 'checking', exitCode: ended.exitCode, ...costsWith(state(), ended) });
    const outcomes = isGood(ended) ? await check(context, cage, task, signal) : [];
    if (outcomes === undefined) return 'interrupted';
    const checks = outcomes.map(({ output: _output, ...check }) => check);
    const outputs = outcomes.map(({ output }) => output);
    const reason = isGood(ended) ? checkFailure(checks) : (ended.reason?.message ?? `the agent gave ${ended.exitCode}`);
    const isStopped = ended.status === 'stopped' && ended.reason?.code === 'user';
    const done: TaskState = {
      ...state(),
      ...{ status: reason === undefined ? 'done' : isStopped ? 'stopped' : 'failed', checks },
      ...(reason !== undefined && { reason }),
      egress: await egressOf(context, cage),
    };
    const { results } = fleetPaths(context, fleet.id);
    const change = await writeResults(context, results, { name: task.name, state: done, outputs });
    return { state: { ...done, change: totalsOf(change?.files ?? []) }, mayRetry: done.status === 'failed' };
  } catch (error) {
    const known = toIronError(error);
    const reason = [known.message, known.because].filter(Boolean).join(': ');
    // What was wrongly asked for stays so.
    return { state: { ...state(), status: 'failed', reason }, mayRetry: known.exitCode !== USER_ERROR };
  }
}

const WAITING: TaskState = { status: 'waiting', attempt: 0, checks: [] };
const USER_ERROR = 2;

function checkFailure(checks: readonly TaskCheck[]): string | undefined {
  const failed = checks.find(({ exitCode }) => exitCode !== 0);
  if (failed === undefined) return undefined;
  return `check: ${failed.command} ${failed.exitCode === null ? 'took too long' : `gave ${failed.exitCode}`}`;
}

/** The run of this attempt: the one that was launched already, or a new one. */
async function runOf(
  context: Context,
  { directory }: FleetRecord,
  task: FleetTask,
  state: TaskState,
  cage: string,
): Promise<Pick<RunInfo, 'id'>> {
  if (state.run !== undefined) return { id: state.run };
  // A launch whose answer was not written down any more.
  const launched = cageExists(context, cage) ? (await listRuns(context, cage)).at(-1) : undefined;
  if (launched !== undefined) return launched;
  const there = { ...context, cwd: directory };
  const { budget } = task;
  return launchRun(there, {
    ...{ directory: task.source ?? '.', agent: task.agent, prompt: task.prompt, model: task.model, args: task.args },
    budget: {
      cost: budget.cost === undefined ? undefined : String(budget.cost),
      tokens: budget.tokens === undefined ? undefined : String(budget.tokens),
      time: budget.time,
      bytes: budget.bytes,
    },
    options: { ...task.cage, name: cage },
  });
}

function check(
  context: Context,
  cage: string,
  task: FleetTask,
  signal: AbortSignal | undefined,
): Promise<CheckOutcome[] | undefined> {
  return runChecks(context, cage, {
    ...{ commands: task.checks, timeoutMs: spanOf(task), maxOutputBytes: MAX_CHECK_OUTPUT_BYTES },
    ...{ untilFailure: true, signal },
  });
}

/** Throws E_CONFIG. */
function spanOf({ name, checkTimeout }: FleetTask): number {
  const span = checkTimeout === undefined ? CHECK_MS : parseSpan(checkTimeout);
  if (span !== undefined) return span;
  throw new IronError('E_CONFIG', {
    message: `check-timeout of ${name} cannot be ${JSON.stringify(checkTimeout)}`,
    hint: 'write something such as 90s or 10m',
  });
}

function isGood({ status, exitCode }: RunInfo): boolean {
  return status === 'done' && exitCode === 0;
}

/** With what the attempts before it cost. */
function costsWith({ before = {} }: TaskState, run: RunInfo): TaskCosts {
  return {
    ...sum('costUsd', before.costUsd, run.costUsd ?? undefined),
    ...sum('inputTokens', before.inputTokens, run.inputTokens),
    ...sum('outputTokens', before.outputTokens, run.outputTokens),
  };
}

function sum(name: keyof TaskCosts, one: number | undefined, other: number | undefined): TaskCosts {
  return one === undefined && other === undefined ? {} : { [name]: (one ?? 0) + (other ?? 0) };
}

function costs({ costUsd, inputTokens, outputTokens }: TaskState): TaskCosts {
  return {
    ...sum('costUsd', costUsd, undefined),
    ...sum('inputTokens', inputTokens, undefined),
    ...sum('outputTokens', outputTokens, undefined),
  };
}

async function egressOf(context: Context, cage: string): Promise<NonNullable<TaskState['egress']>> {
  const { total, decisions, bytesOut, bytesIn } = await auditSummary(context, cage);
  return { requests: total, refused: decisions.deny, bytesOut, bytesIn };
}

export function totalsOf(
  files: readonly { insertions: number; deletions: number }[],
): NonNullable<TaskState['change']> {
  const sum = (of: 'insertions' | 'deletions'): number => files.reduce((total, file) => total + file[of], 0);
  return { files: files.length, insertions: sum('insertions'), deletions: sum('deletions') };
}

function now(context: Context): string {
  return new Date(context.clock.now()).toISOString();
}
