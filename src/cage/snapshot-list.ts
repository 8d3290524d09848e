// The snapshots of a cage, for people and scripts.
import { errorMessage } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { readSnapshot, snapshotNames } from './snapshot-store.ts';
import { cageExists, noSuchCage } from './store.ts';

export interface SnapshotInfo {
  cage: string;
  name: string;
  createdAt: string;
  /** On disk; what the file system shares with other copies counts as well. */
  bytes: number;
  /** Made by rewind, of what was there before. */
  automatic: boolean;
  /** Files that could not come along. */
  leftOut: readonly { path: string; reason: string }[];
  /** What one could take for data of the cage. */
  notPart: readonly string[];
  /** Of one that cannot be read: why. */
  problem?: string;
}

export async function describeSnapshot(context: Context, cage: string, name: string): Promise<SnapshotInfo> {
  const { createdAt, bytes, automatic, leftOut, notPart } = await readSnapshot(context, cage, name);
  return { cage, name, createdAt, bytes, automatic, leftOut, notPart };
}

/** The oldest first; one that cannot be read says so. Throws E_NO_CAGE. */
export async function listSnapshots(context: Context, cage: string): Promise<SnapshotInfo[]> {
  if (!cageExists(context, cage)) throw noSuchCage(cage);
  const found: SnapshotInfo[] = [];
  for (const name of snapshotNames(context, cage)) {
    found.push(
      await describeSnapshot(context, cage, name).catch((error: unknown) => ({
        ...{ cage, name, createdAt: '', bytes: 0, automatic: false, leftOut: [], notPart: [] },
        problem: errorMessage(error),
      })),
    );
  }
  return found.sort((one, other) => (one.createdAt < other.createdAt ? -1 : one.createdAt > other.createdAt ? 1 : 0));
}
