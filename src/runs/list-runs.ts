// The runs of a cage as they stand. What nobody records is taken up first: whoever asks must not be told of a run that is no more.
import type { Context } from '../cage/context.ts';
import { cageExists, noSuchCage } from '../cage/store.ts';
import { startRecorder } from './recorder-host.ts';
import type { RunRecord } from './run-record.ts';
import { cageOfRun, isRecorded, readRun, recordedRuns, requireRun, runPlaces } from './run-store.ts';
import { viewOf, type RunInfo } from './run-view.ts';

/** Oldest first. Throws E_NO_CAGE. */
export async function listRuns(context: Context, cage: string): Promise<RunInfo[]> {
  if (!cageExists(context, cage)) throw noSuchCage(cage);
  await Promise.all(recordedRuns(context, cage).map((run) => takeUp(context, run)));
  return recordedRuns(context, cage).map(viewOf);
}

/** One run by its id. Throws E_NO_RUN. */
export async function findRun(context: Context, id: string): Promise<RunInfo> {
  const places = runPlaces(context, cageOfRun(context, id), id);
  const before = requireRun(places, id);
  await takeUp(context, before);
  return viewOf(requireRun(places, id));
}

/** Sees to it that somebody records a run that goes on. */
export async function takeUp(context: Context, { id, cage, status }: RunRecord): Promise<void> {
  if (status !== 'running' || isRecorded(runPlaces(context, cage, id))) return;
  // It may have ended between the two looks.
  if (readRun(runPlaces(context, cage, id))?.status !== 'running') return;
  const recorder = startRecorder(context, cage, id);
  try {
    await recorder.settled();
  } finally {
    recorder.letGo();
  }
}
