// Waiting for the messages of a cage as long as somebody in it can send any: its runs, or whoever else works there.
import { pollMessages, type PollEvent, type PollOptions } from '../bus/messages.ts';
import type { Context } from '../cage/context.ts';
import { isOccupied } from '../cage/occupancy.ts';
import { cagePaths, readCageState } from '../cage/store.ts';
import { listRuns } from './list-runs.ts';
import type { RunInfo } from './run-view.ts';

export interface PollCageOptions extends PollOptions {
  /** Ends with this run, whatever else goes on. */
  run?: string | undefined;
}

/** As `pollMessages`; ends as well when the runs that went on while it waited have ended, or nobody is left in the cage after them. */
export async function* pollCage(
  context: Context,
  cage: string,
  { run, ...options }: PollCageOptions = {},
): AsyncGenerator<PollEvent, void, undefined> {
  let sawRun = false;
  const isOver = async (): Promise<string | undefined> => {
    const runs = await listRuns(context, cage);
    if (run !== undefined) {
      const awaited = runs.find(({ id }) => id === run);
      if (awaited === undefined) return `there is no run ${run} in ${cage}`;
      return awaited.status === 'running' ? options.isOver?.() : ended(awaited);
    }
    if (runs.some(({ status }) => status === 'running')) sawRun = true;
    else {
      const last = runs.reduce<RunInfo | undefined>(later, undefined);
      if (last !== undefined && (sawRun || !(await isUsed(context, cage)))) return ended(last);
    }
    return options.isOver?.();
  };
  yield* pollMessages(context, cage, { ...options, isOver });
}

async function isUsed(context: Context, cage: string): Promise<boolean> {
  const state = readCageState(context, cage);
  return state.phase === 'running' && isOccupied(cagePaths(context, cage), state);
}

function later(one: RunInfo | undefined, other: RunInfo): RunInfo {
  return one !== undefined && (one.endedAt ?? '') > (other.endedAt ?? '') ? one : other;
}

function ended({ id, status, exitCode, reason }: RunInfo): string {
  const code = exitCode === null ? '' : ` with exit code ${exitCode}`;
  return `the run ${id} has ended: ${reason === null ? `${status}${code}` : `${status}, ${reason.message}`}`;
}
