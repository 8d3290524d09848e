// Where runs lie on the host, and how one is found by its name.
import { join } from 'node:path';
import type { Context } from '../cage/context.ts';
import { cagePaths, listCageNames } from '../cage/store.ts';
import { IronError } from '../platform/errors.ts';
import { namesIn, pathExists, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { readIdentityLink } from '../platform/identity-link.ts';
import { isAlive } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { isRunId } from './run-id.ts';
import { parseRecord, type RunRecord } from './run-record.ts';

export interface RunPlaces {
  root: string;
  record: string;
  /** What the agent was told. */
  prompt: string;
  /** Which program and variables it was started with; gone when it has started. */
  launch: string;
  /** Somebody wants it to end, and why. */
  stop: string;
  /** What the agent wrote, byte by byte, and when how much of it was there. */
  output: Record<OutputName, { bytes: string; times: string }>;
  /** Names the process that records it. */
  recorder: string;
  log: string;
}

export const OUTPUT_NAMES = ['stream', 'stderr'] as const;
type OutputName = (typeof OUTPUT_NAMES)[number];

export function runPlaces(context: Context, cage: string, id: string): RunPlaces {
  return placesBelow(join(cagePaths(context, cage).runs, id));
}

export function placesBelow(root: string): RunPlaces {
  const output = (name: OutputName): { bytes: string; times: string } => ({
    bytes: join(root, `${name}.log`),
    times: join(root, `${name}.times`),
  });
  return {
    root,
    record: join(root, 'run.json'),
    prompt: join(root, 'prompt'),
    launch: join(root, 'launch.json'),
    stop: join(root, 'stop.json'),
    output: { stream: output('stream'), stderr: output('stderr') },
    recorder: join(root, 'recorder'),
    log: join(root, 'recorder.log'),
  };
}

/** Ids of the runs of a cage, oldest day first. */
function runIds(context: Context, cage: string): string[] {
  return namesIn(cagePaths(context, cage).runs).filter(isRunId).sort();
}

/** Undefined where there is none. Throws E_STATE_BROKEN. */
export function readRun(places: Pick<RunPlaces, 'record'>): RunRecord | undefined {
  const text = readTextIfPresent(places.record);
  return text === undefined ? undefined : parseRecord(text, places.record);
}

/** The same; throws E_NO_RUN where there is none any more. */
export function requireRun(places: Pick<RunPlaces, 'record'>, id: string): RunRecord {
  const record = readRun(places);
  if (record !== undefined) return record;
  throw new IronError('E_NO_RUN', { message: `the run ${id} is gone`, hint: 'its cage was removed meanwhile' });
}

export function writeRun(places: Pick<RunPlaces, 'record'>, record: RunRecord): void {
  writeFileAtomic(places.record, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** The runs of a cage as they are written down, oldest first. */
export function recordedRuns(context: Context, cage: string): RunRecord[] {
  return runIds(context, cage)
    .flatMap((id) => readRun(runPlaces(context, cage, id)) ?? [])
    .sort((one, other) => (one.startedAt < other.startedAt ? -1 : one.startedAt > other.startedAt ? 1 : 0));
}

/** Which cage a run is of. Throws E_NO_RUN. */
export function cageOfRun(context: Context, id: string): string {
  const cage = isRunId(id)
    ? listCageNames(context).find((name) => pathExists(runPlaces(context, name, id).record))
    : undefined;
  if (cage !== undefined) return cage;
  throw new IronError('E_NO_RUN', {
    message: `there is no run ${printableLine(id.slice(0, 80))}`,
    hint: '`ironcage runs` shows the runs of the current project’s cage, `ironcage runs CAGE` those of another',
  });
}

export function isRunTaken(context: Context, id: string): boolean {
  return listCageNames(context).some((cage) => pathExists(runPlaces(context, cage, id).root));
}

/** Whether somebody writes its record. */
export function isRecorded(places: RunPlaces): boolean {
  const identity = readIdentityLink(places.recorder);
  return identity !== undefined && identity !== 'gone' && isAlive(identity);
}
