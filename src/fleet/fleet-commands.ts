// Fleets as callers see them: what there is, how far each is, and the end of one.
import type { Context } from '../cage/context.ts';
import { removeCage } from '../cage/remove.ts';
import { cageExists } from '../cage/store.ts';
import { unexportedFiles } from '../cage/work.ts';
import { IronError } from '../platform/errors.ts';
import { holdingInterrupts } from '../platform/interrupts.ts';
import { removeTree } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { listRuns } from '../runs/list-runs.ts';
import { stopRun } from '../runs/stop-run.ts';
import {
  fleetPaths,
  fleetsDirectory,
  listFleets,
  readFleet,
  writeFleet,
  type FleetRecord,
  type TaskState,
} from './fleet-store.ts';
import { hasEnded, runFleet as runTasks, type FleetOptions } from './run-fleet.ts';

export interface FleetInfo {
  id: string;
  name: string;
  /** Absolute path of the file that it was read from. */
  file: string;
  createdAt: string;
  /** Undefined while a task is not at its end. */
  endedAt: string | undefined;
  jobs: number;
  /** Directory on the host with what came of each task. */
  results: string;
  tasks: readonly { name: string; agent: string; state: TaskState }[];
}

function infoOf(context: Context, { id, name, file, createdAt, endedAt, jobs, tasks }: FleetRecord): FleetInfo {
  return {
    ...{ id, name, file, createdAt, endedAt, jobs, results: fleetPaths(context, id).results },
    tasks: tasks.map(({ task, state }) => ({ name: task.name, agent: task.agent, state })),
  };
}

/** As `runFleet` of run-fleet.ts; a Ctrl-C ends it, and not what runs: how to go on is said first. */
export async function runFleet(
  context: Context,
  path: string,
  options: Omit<FleetOptions, 'onChange'> & { onChange?: ((fleet: FleetInfo) => void) | undefined },
): Promise<FleetInfo> {
  const { onChange, signal, ...rest } = options;
  const tell = onChange && ((fleet: FleetRecord) => onChange(infoOf(context, fleet)));
  return holdingInterrupts(async (interrupted) => {
    const either = signal === undefined ? interrupted : AbortSignal.any([signal, interrupted]);
    const fleet = infoOf(context, await runTasks(context, path, { ...rest, signal: either, onChange: tell }));
    if (fleet.endedAt !== undefined || !interrupted.aborted) return fleet;
    context.progress(`the fleet ${fleet.id} is not at its end; what runs of it goes on by itself`);
    context.progress(`go on with it: ironcage fleet run ${fleet.file}; end it: ironcage fleet stop ${fleet.id}`);
    throw new Error('interrupted');
  });
}

/** Oldest first. */
export async function showFleets(context: Context): Promise<FleetInfo[]> {
  return listFleets(context).map((fleet) => infoOf(context, fleet));
}

/** Throws E_USAGE when there is none. */
export async function showFleet(context: Context, id: string): Promise<FleetInfo> {
  return infoOf(context, readFleet(context, id));
}

/** Ends what runs of it; what has not begun is not begun any more. Throws E_LOCKED while a command works on it. */
export async function stopFleet(context: Context, id: string): Promise<FleetInfo> {
  return holding(context, id, async (fleet) => {
    for (const { state } of fleet.tasks) {
      if (hasEnded(state)) continue;
      const endedAt = new Date(context.clock.now()).toISOString();
      for (const run of await goingOn(context, state)) await stopRun(context, run);
      Object.assign(state, { status: 'stopped', reason: 'the fleet was stopped', endedAt });
      writeFleet(context, fleet);
    }
    fleet.endedAt ??= new Date(context.clock.now()).toISOString();
    writeFleet(context, fleet);
    return infoOf(context, fleet);
  });
}

async function goingOn(context: Context, { cage }: TaskState): Promise<string[]> {
  if (cage === undefined || !cageExists(context, cage)) return [];
  return (await listRuns(context, cage)).filter(({ status }) => status === 'running').map(({ id }) => id);
}

/** With its cages and results. Throws E_UNEXPORTED, with nothing removed, when one holds work that is nowhere else. */
export async function removeFleet(
  context: Context,
  id: string,
  { discard }: { discard: boolean },
): Promise<{ removed: readonly string[] }> {
  return holding(context, id, async (fleet) => {
    if (fleet.tasks.some(({ state }) => !hasEnded(state))) {
      throw new IronError('E_LOCKED', {
        message: `the fleet ${id} is not at its end`,
        hint: `stop it first: ironcage fleet stop ${id}`,
      });
    }
    const cages = cagesOf(fleet).filter((name) => cageExists(context, name));
    if (!discard) await refuseUnexported(context, id, cages);
    for (const name of cages) await removeCage(context, name, { discard });
    removeTree(fleetPaths(context, id).root, fleetsDirectory(context));
    return { removed: cages };
  });
}

/** Of every attempt. */
function cagesOf({ id, tasks }: FleetRecord): string[] {
  return tasks.flatMap(({ task, state }) =>
    Array.from(
      { length: state.attempt },
      (_attempt, index) => `${id}-${task.name}${index === 0 ? '' : `-${index + 1}`}`,
    ),
  );
}

async function refuseUnexported(context: Context, id: string, cages: readonly string[]): Promise<void> {
  const work: Record<string, readonly string[]> = {};
  for (const name of cages) {
    const files = await unexportedFiles(context, name);
    if (files.length > 0) work[name] = files;
  }
  if (Object.keys(work).length === 0) return;
  throw new IronError('E_UNEXPORTED', {
    message: `cages of the fleet ${id} hold work that is nowhere else`,
    because: Object.entries(work).map(([name, files]) => `${name}: ${namedFiles(files)}`),
    hint: 'take over what is wanted (ironcage apply CAGE), or remove it with --discard',
    details: work,
  });
}

const NAMED_FILES = 5;

function namedFiles(files: readonly string[]): string {
  const more = files.length - NAMED_FILES;
  return `${files.slice(0, NAMED_FILES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

async function holding<T>(context: Context, id: string, work: (fleet: FleetRecord) => Promise<T>): Promise<T> {
  readFleet(context, id);
  const { lock } = fleetPaths(context, id);
  // Read once more: whoever had it may have changed it.
  const locked = async (): Promise<T> => work(readFleet(context, id));
  return withLock(lock, { what: `the fleet ${id}`, timeoutMs: 0 }, locked);
}
