// What is known of a fleet: its tasks as they were read, and how far each has come. On disk before anything that rests on it is
// done, so that whoever comes after a crash goes on where it stopped.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { Context } from '../cage/context.ts';
import { isCageName } from '../cage/names.ts';
import { openDataRoot } from '../cage/store.ts';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, namesIn, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import type { FleetFile, FleetTask } from './fleet-file.ts';

const checkSchema = z.strictObject({
  command: z.string(),
  /** Null: it took too long. */
  exitCode: z.int().nullable(),
  durationMs: z.number(),
});

const costs = {
  costUsd: z.number().optional(),
  inputTokens: z.number().optional(),
  outputTokens: z.number().optional(),
};

const stateSchema = z.strictObject({
  status: z.enum(['waiting', 'running', 'checking', 'done', 'failed', 'stopped']),
  /** 0 before the first. */
  attempt: z.int().nonnegative(),
  cage: z.string().optional(),
  run: z.string().optional(),
  reason: z.string().optional(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  exitCode: z.int().nullable().optional(),
  /** Of all attempts. */
  ...costs,
  /** Of those before this one. */
  before: z.strictObject(costs).optional(),
  checks: z.array(checkSchema).default([]),
  change: z.strictObject({ files: z.int(), insertions: z.int(), deletions: z.int() }).optional(),
  egress: z.strictObject({ requests: z.int(), refused: z.int(), bytesOut: z.number(), bytesIn: z.number() }).optional(),
});

export type TaskState = z.infer<typeof stateSchema>;
export type TaskCosts = Pick<TaskState, 'costUsd' | 'inputTokens' | 'outputTokens'>;
export type TaskCheck = z.infer<typeof checkSchema>;

export interface FleetRecord {
  version: 1;
  id: string;
  name: string;
  /** Absolute path of the file that it was read from. */
  file: string;
  directory: string;
  /** Of the tasks with their prompts: another file is another fleet. */
  digest: string;
  createdAt: string;
  endedAt: string | undefined;
  jobs: number;
  tasks: { task: FleetTask; state: TaskState }[];
}

export function fleetsDirectory(context: Context): string {
  return join(context.dataRoot, 'fleets');
}

export interface FleetPaths {
  root: string;
  record: string;
  lock: string;
  results: string;
}

export function fleetPaths(context: Context, id: string): FleetPaths {
  if (!isCageName(id)) throw noSuchFleet(id);
  const root = join(fleetsDirectory(context), id);
  return {
    root,
    record: join(root, 'fleet.json'),
    lock: join(fleetsDirectory(context), `.${id}.lock`),
    results: join(root, 'results'),
  };
}

export function digestOf({ tasks }: Pick<FleetFile, 'tasks'>): string {
  return createHash('sha256').update(JSON.stringify(tasks)).digest('hex');
}

export function createFleet(context: Context, file: string, read: FleetFile): FleetRecord {
  openDataRoot(context);
  const id = `${read.name}-${randomBytes(3).toString('hex')}`;
  const record: FleetRecord = {
    version: 1,
    id,
    name: read.name,
    file,
    directory: read.directory,
    digest: digestOf(read),
    createdAt: new Date(context.clock.now()).toISOString(),
    endedAt: undefined,
    jobs: read.jobs,
    tasks: read.tasks.map((task) => ({ task, state: { status: 'waiting', attempt: 0, checks: [] } })),
  };
  makeDirectory(fleetPaths(context, id).results);
  writeFleet(context, record);
  return record;
}

export function writeFleet(context: Context, record: FleetRecord): void {
  writeFileAtomic(fleetPaths(context, record.id).record, `${JSON.stringify(record)}\n`);
}

/** Throws E_USAGE when there is none, E_STATE_BROKEN for one that cannot be read. */
export function readFleet(context: Context, id: string): FleetRecord {
  const { record: path } = fleetPaths(context, id);
  const text = readTextIfPresent(path);
  if (text === undefined) throw noSuchFleet(id);
  const record = parseRecord(parseJson(text), id);
  if (record !== undefined) return record;
  throw new IronError('E_STATE_BROKEN', {
    message: `what is known of the fleet ${id} cannot be read: ${path}`,
    hint: `its cages are listed by \`ironcage list\`, each named ${id}-TASK; remove the directory of the fleet when nothing of it is wanted`,
    details: { path },
  });
}

/** Oldest first; those that cannot be read are left out. */
export function listFleets(context: Context): FleetRecord[] {
  const records = namesIn(fleetsDirectory(context)).flatMap((id) => {
    const text = isCageName(id) ? readTextIfPresent(fleetPaths(context, id).record) : undefined;
    return (text === undefined ? undefined : parseRecord(parseJson(text), id)) ?? [];
  });
  return records.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** Of a file that this version wrote; the tasks are as we wrote them, the states are looked at. */
function parseRecord(value: unknown, id: string): FleetRecord | undefined {
  if (!isFleetRecord(value) || value.id !== id) return undefined;
  const states = value.tasks.map(({ state }) => stateSchema.safeParse(state));
  if (!states.every(({ success }) => success)) return undefined;
  return value;
}

function isFleetRecord(value: unknown): value is FleetRecord {
  return typeof value === 'object' && value !== null && 'version' in value && value.version === 1 && 'tasks' in value;
}

function noSuchFleet(id: string): IronError {
  return new IronError('E_USAGE', {
    message: `there is no fleet ${JSON.stringify(id)}`,
    hint: '`ironcage fleet status` lists them',
  });
}
