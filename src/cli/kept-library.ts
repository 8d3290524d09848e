// What the command line asks of the library about cages that are kept in another form: in the trash, in a file, as they were
// at a moment, or as another cage.
import type { Context } from './library-context.ts';

export interface Snapshot {
  cage: string;
  name: string;
  createdAt: string;
  bytes: number;
  /** Made by rewind, of what was there before. */
  automatic: boolean;
  leftOut: readonly { path: string; reason: string }[];
  notPart: readonly string[];
  /** Of one that cannot be read: why. */
  problem?: string;
}

export interface Forked {
  cage: string;
  from: string;
  snapshot: string | undefined;
  leftOut: readonly { path: string; reason: string }[];
  notPart: readonly string[];
  unpublished: readonly string[];
  withoutValue: readonly string[];
  formerRules: readonly string[];
}

export interface TrashedCage {
  id: string;
  name: string;
  removedAt: string;
  /** Nothing in it was nowhere else when it was removed. */
  checked: boolean;
  expired: boolean;
}

export interface RestoredCage {
  cage: string;
  project: string;
  projectIsThere: boolean;
}

export interface Leftover {
  kind: 'trash' | 'debris';
  id: string;
  removedAt?: string;
  bytes: number;
  unexported: readonly string[];
}

interface Pruned {
  removed: readonly Leftover[];
  kept: readonly Leftover[];
  failed: readonly { id: string; because: string }[];
}

interface RoomOptions {
  force: boolean;
  discard: boolean;
}

interface BackupOutcome {
  cage: string;
  file: string;
  bytes: number;
  entries: number;
  unpackedBytes: number;
  secrets: readonly string[];
  leftOut: readonly { path: string; reason: string }[];
}

export interface RestorePlan {
  cage: string;
  from: string;
  createdAt: string;
  project: string;
  projectIsThere: boolean;
  entries: number;
  bytes: number;
  fileBytes: number;
  exposure: string;
  asksFor: readonly string[];
  leftOut: readonly { path: string; reason: string }[];
  hasSecrets: boolean;
  seal: string;
}

interface RestoreTarget {
  name?: string | undefined;
  project?: string | undefined;
}

export interface KeptLibrary {
  takeSnapshot(context: Context, cage: string, options: { name?: string | undefined }): Promise<Snapshot>;
  listSnapshots(context: Context, cage: string): Promise<readonly Snapshot[]>;
  removeSnapshot(context: Context, cage: string, snapshot: string, options: { discard: boolean }): Promise<void>;
  rewindCage(
    context: Context,
    cage: string,
    snapshot: string,
  ): Promise<{
    cage: string;
    snapshot: string;
    before: string;
    putAside: readonly string[];
    rewound: readonly string[];
    kept: readonly string[];
  }>;
  forkCage(context: Context, from: string, cage: string, options: { from?: string | undefined }): Promise<Forked>;
  backupCage(
    context: Context,
    name: string,
    request: { file?: string | undefined; force: boolean; passphrase?: string | undefined },
  ): Promise<BackupOutcome>;
  planRestore(context: Context, file: string, target: RestoreTarget): Promise<RestorePlan>;
  restoreBackup(
    context: Context,
    file: string,
    request: RestoreTarget & RoomOptions & { seal: string; passphrase?: string | undefined },
  ): Promise<RestoredCage>;
  listTrash(context: Context): Promise<readonly TrashedCage[]>;
  restoreTrashed(
    context: Context,
    wanted: string,
    options: RoomOptions & { name?: string | undefined },
  ): Promise<RestoredCage>;
  findLeftovers(context: Context, query: { removedBeforeMs: number }): Promise<readonly Leftover[]>;
  removeLeftovers(context: Context, leftovers: readonly Leftover[], options: { discard: boolean }): Promise<Pruned>;
}
