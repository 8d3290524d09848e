// Where the snapshots of a cage lie, and what is written down of each. One is there whole or not at all: it is filled under
// another name. Its directory is laid out as the cage’s own, so that what reads a workspace there reads it here.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import {
  makeDirectory,
  namesIn,
  pathExists,
  readTextIfPresent,
  removeTree,
  writeFileAtomic,
} from '../platform/files.ts';
import type { Context } from './context.ts';
import { isCageName, parseSnapshotName } from './names.ts';
import type { SnapshotRecord } from './snapshot-record.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths } from './store.ts';

const RECORD = 'snapshot.json';
const SNAPSHOTS = 'snapshots';

function snapshotsDirectory(context: Context, cage: string): string {
  return join(cagePaths(context, cage).root, SNAPSHOTS);
}

export function snapshotDirectory(context: Context, cage: string, snapshot: string): string {
  return join(snapshotsDirectory(context, cage), parseSnapshotName(snapshot));
}

/** Of those that are whole. */
export function snapshotNames(context: Context, cage: string): string[] {
  return snapshotsBelow(cagePaths(context, cage).root).map(({ name }) => name);
}

/** The same for what a cage left behind in another place. */
export function snapshotsBelow(root: string): { name: string; directory: string }[] {
  const snapshots = join(root, SNAPSHOTS);
  return namesIn(snapshots)
    .filter(isCageName)
    .sort()
    .map((name) => ({ name, directory: join(snapshots, name) }));
}

/** Throws E_NAME, E_NO_SNAPSHOT, and E_STATE_BROKEN when what is written down of it cannot be read. */
export async function readSnapshot(context: Context, cage: string, snapshot: string): Promise<SnapshotRecord> {
  const directory = snapshotDirectory(context, cage, snapshot);
  const names = snapshotNames(context, cage);
  if (!names.includes(snapshot)) {
    throw new IronError('E_NO_SNAPSHOT', {
      message: `the cage ${cage} has no snapshot ${snapshot}`,
      because: names.length === 0 ? 'it has none at all' : `it has ${names.join(', ')}`,
      hint: `ironcage snapshot ${cage} --list shows them; ironcage snapshot ${cage} takes one`,
    });
  }
  const file = join(directory, RECORD);
  const { parseSnapshotRecord } = await import('./snapshot-record.ts');
  const parsed = parseSnapshotRecord(readTextIfPresent(file) ?? '');
  if ('record' in parsed) return parsed.record;
  throw new IronError('E_STATE_BROKEN', {
    message: `the snapshot ${snapshot} of ${cage} cannot be read: ${file}`,
    because: parsed.because,
    hint: `its files are still there, below ${directory}`,
  });
}

/** What a spec is without what is worth something: a placeholder stands for a secret of this one cage. */
export function specForSnapshot(spec: CageSpec): SnapshotRecord['spec'] {
  return { ...spec, secrets: spec.secrets.map(({ placeholder: _its, ...binding }) => binding) };
}

export function writeSnapshotRecord(directory: string, record: SnapshotRecord): void {
  writeFileAtomic(join(directory, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** An empty directory that the next repair takes away unless it is kept by `keepSnapshot`. The caller holds the lock. */
export function beginSnapshot(context: Context, cage: string, snapshot: string): string {
  const directory = join(snapshotsDirectory(context, cage), `${MAKING}${parseSnapshotName(snapshot)}`);
  removeTree(directory, cagePaths(context, cage).root);
  makeDirectory(directory);
  return directory;
}

/** No name of a snapshot begins so. */
const MAKING = '.making-';

export function makeSnapshotsDirectory(context: Context, cage: string): void {
  makeDirectory(snapshotsDirectory(context, cage));
}

/** Its directory becomes the snapshot. The directory of snapshots is there. */
export function keepSnapshot(context: Context, cage: string, snapshot: string, directory: string): void {
  renameSync(directory, snapshotDirectory(context, cage, snapshot));
}

/** By one step out of sight: what is left of it then is taken away by this or by the next repair. */
export function dropSnapshot(context: Context, cage: string, snapshot: string): void {
  const directory = join(snapshotsDirectory(context, cage), `${MAKING}${snapshot}`);
  removeTree(directory, cagePaths(context, cage).root);
  renameSync(snapshotDirectory(context, cage, snapshot), directory);
  context.step('snapshot: let go');
  removeTree(directory, cagePaths(context, cage).root);
}

/** What a crash left of snapshots. */
function halfMade(context: Context, cage: string): string[] {
  const directory = snapshotsDirectory(context, cage);
  return namesIn(directory).flatMap((name) => (name.startsWith(MAKING) ? [join(directory, name)] : []));
}

export function hasHalfMadeCopies(context: Context, cage: string): boolean {
  return halfMade(context, cage).length > 0;
}

/** The caller holds the lock; returns whether there was anything to take away. */
export function sweepSnapshots(context: Context, cage: string): boolean {
  const left = halfMade(context, cage);
  for (const directory of left) removeTree(directory, cagePaths(context, cage).root);
  return left.length > 0;
}

/** Throws E_NAME for no name and E_SNAPSHOT_EXISTS for one that is taken. */
export function requireFree(context: Context, cage: string, snapshot: string): string {
  if (!pathExists(snapshotDirectory(context, cage, snapshot))) return snapshot;
  throw new IronError('E_SNAPSHOT_EXISTS', {
    message: `the cage ${cage} has a snapshot ${snapshot} already`,
    hint: `choose another --name, or take that one away: ironcage snapshot ${cage} --rm ${snapshot}`,
  });
}
