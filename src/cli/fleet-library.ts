// What the command line asks of the library about fleets and comparisons.
import type { Context } from './library-context.ts';

export interface TaskCheck {
  command: string;
  exitCode: number | null;
  durationMs: number;
}

interface ChangeTotals {
  files: number;
  insertions: number;
  deletions: number;
}

interface EgressTotals {
  requests: number;
  refused: number;
  bytesOut: number;
  bytesIn: number;
}

export interface TaskState {
  status: 'waiting' | 'running' | 'checking' | 'done' | 'failed' | 'stopped';
  attempt: number;
  cage?: string | undefined;
  run?: string | undefined;
  reason?: string | undefined;
  startedAt?: string | undefined;
  endedAt?: string | undefined;
  exitCode?: number | null | undefined;
  costUsd?: number | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  checks: readonly TaskCheck[];
  change?: ChangeTotals | undefined;
  egress?: EgressTotals | undefined;
}

export interface Fleet {
  id: string;
  name: string;
  file: string;
  createdAt: string;
  endedAt: string | undefined;
  jobs: number;
  /** Directory with what came of each task. */
  results: string;
  tasks: readonly { name: string; agent: string; state: TaskState }[];
}

export interface ComparedCage {
  cage: string;
  agent: string | undefined;
  status: string | undefined;
  exitCode: number | null;
  runs: number;
  durationMs: number;
  costUsd: number | undefined;
  inputTokens: number;
  outputTokens: number;
  change: ChangeTotals;
  checks: readonly TaskCheck[];
  egress: EgressTotals;
}

export interface ComparedFile {
  path: string;
  in: readonly (
    { change: string; insertions: number; deletions: number; binary: boolean; outcome: number } | undefined
  )[];
}

export interface FleetLibrary {
  runFleet(
    context: Context,
    file: string,
    options: {
      jobs?: number | undefined;
      fresh?: boolean | undefined;
      signal?: AbortSignal | undefined;
      onChange?: ((fleet: Fleet) => void) | undefined;
    },
  ): Promise<Fleet>;
  showFleets(context: Context): Promise<readonly Fleet[]>;
  showFleet(context: Context, id: string): Promise<Fleet>;
  stopFleet(context: Context, id: string): Promise<Fleet>;
  removeFleet(context: Context, id: string, options: { discard: boolean }): Promise<{ removed: readonly string[] }>;
  compareCages(
    context: Context,
    cages: readonly string[],
    options: { checks?: readonly string[] | undefined; checkTimeoutMs?: number | undefined },
  ): Promise<{ cages: readonly ComparedCage[]; files: readonly ComparedFile[] }>;
  differenceOfCages(
    context: Context,
    first: string,
    second: string,
    write: (piece: Buffer) => Promise<boolean>,
  ): Promise<void>;
}
