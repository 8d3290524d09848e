// Waits until a run has ended, whoever records it.
import type { Context } from '../cage/context.ts';
import { takeUp } from './list-runs.ts';
import { cageOfRun, requireRun, runPlaces } from './run-store.ts';
import { viewOf, type RunInfo } from './run-view.ts';

export interface AwaitOptions {
  signal?: AbortSignal | undefined;
  /** With the run as it stands, whenever its record has changed. */
  onLook?: ((run: RunInfo) => void) | undefined;
}

const LOOK_MS = 200;
/** Between two looks whether somebody still records it. */
const RECORDER_MS = 2_000;

/** Resolves with the run as it ended, or with undefined when `signal` came first. Throws E_NO_RUN. */
export async function awaitRun(
  context: Context,
  id: string,
  { signal, onLook }: AwaitOptions = {},
): Promise<RunInfo | undefined> {
  const places = runPlaces(context, cageOfRun(context, id), id);
  let told = '';
  let lookedAt = -Infinity;
  const isOver = (): boolean => signal?.aborted === true;
  while (!isOver()) {
    if (performance.now() - lookedAt > RECORDER_MS) {
      lookedAt = performance.now();
      await takeUp(context, requireRun(places, id));
    }
    const run = viewOf(requireRun(places, id));
    if (run.status !== 'running') return run;
    const seen = JSON.stringify(run);
    if (seen !== told) onLook?.(run);
    told = seen;
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
  return undefined;
}
