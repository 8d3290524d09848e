// What the command line asks of the library about runs.
import type { Context } from './library-context.ts';
import type { AgentEvent } from '../index.ts';

export interface RunInfo {
  id: string;
  cage: string;
  agent: string;
  model: string | null;
  status: 'running' | 'done' | 'failed' | 'stopped';
  exitCode: number | null;
  reason: { code: string; message: string } | null;
  startedAt: string;
  endedAt: string | null;
  sessionId: string | null;
  resumes: string | null;
  costUsd: number | null;
  inputTokens: number;
  outputTokens: number;
  bytesOut: number | null;
  notes: readonly string[];
}

export type RunEvent =
  | { kind: 'event'; time: string; run: string; event: AgentEvent }
  | { kind: 'stderr' | 'note'; time: string; run: string; text: string }
  | { kind: 'end'; time: string; run: string; record: RunInfo };

/** `Options`: those of a cage. */
export interface LaunchRequest<Options> {
  cage?: string;
  agent: string;
  prompt: string;
  resume?: string;
  model?: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  budget: { cost?: string; tokens?: string; time?: string; bytes?: string };
  messaging?: boolean;
  options: Options & { fresh: boolean };
}

export interface Diagnosis {
  cage: string;
  verdict: 'no-runs' | 'working' | 'waiting' | 'done' | 'failed' | 'stopped' | 'stuck' | 'gone' | 'broken';
  suggestion: string;
  state: string;
  run: RunInfo | null;
  otherRuns: number;
  lastEvents: readonly RunEvent[];
  unread: readonly { seq: number; type: string; time: string }[];
  change: { files: number; insertions: number; deletions: number } | null;
  refused: readonly { host: string; method: string; path: string; count: number; remedy: string }[];
  problems: readonly string[];
}

interface Salvaged {
  cage: string;
  directory: string;
  taken: readonly { path: string; what: string }[];
  failed: readonly { what: string; because: string }[];
}

interface FollowOptions {
  signal?: AbortSignal;
  once?: boolean;
}

export interface RunLibrary<Options> {
  launchRun(context: Context, request: LaunchRequest<Options>): Promise<RunInfo>;
  listRuns(context: Context, cage: string): Promise<readonly RunInfo[]>;
  findRun(context: Context, run: string): Promise<RunInfo>;
  diagnoseCage(context: Context, cage: string): Promise<Diagnosis>;
  salvageCage(context: Context, cage: string, directory: string): Promise<Salvaged>;
  stopRun(context: Context, run: string, options?: { interrupted?: boolean }): Promise<RunInfo>;
  followRun(
    context: Context,
    run: string,
    options?: FollowOptions & { last?: number | undefined },
  ): AsyncIterable<RunEvent>;
  followBytes(context: Context, run: string, options?: FollowOptions): AsyncIterable<Buffer>;
}
