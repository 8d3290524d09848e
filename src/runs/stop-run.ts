// Ends a run on somebody's wish, and waits until it has ended.
import type { Context } from '../cage/context.ts';
import { IronError } from '../platform/errors.ts';
import { timeLimit } from '../platform/patience.ts';
import { takeUp } from './list-runs.ts';
import { cageOfRun, requireRun, runPlaces } from './run-store.ts';
import { viewOf, type RunInfo } from './run-view.ts';
import { requestStop } from './stop-request.ts';

/** The grace of the supervisor, that of the recorder behind it, and something for a machine that is busy. */
const STOP_MS = 60_000;
const LOOK_MS = 50;

export interface StopOptions {
  /** Whoever launched it wants it no more. */
  interrupted?: boolean;
}

/** Resolves with the run as it ended; one that has ended already is left as it is. Throws E_NO_RUN, E_BACKEND. */
export async function stopRun(
  context: Context,
  id: string,
  { interrupted = false }: StopOptions = {},
): Promise<RunInfo> {
  const cage = cageOfRun(context, id);
  const places = runPlaces(context, cage, id);
  let record = requireRun(places, id);
  if (record.status === 'running') requestStop(places.stop, interrupted ? 'interrupted' : 'user');
  const isOver = timeLimit(STOP_MS);
  while (record.status === 'running') {
    if (isOver()) {
      throw new IronError('E_BACKEND', {
        message: `the run ${id} does not end`,
        hint: `restart its cage, which ends all that runs in it: ironcage restart ${cage}`,
      });
    }
    await takeUp(context, record);
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
    record = requireRun(places, id);
  }
  return viewOf(record);
}
