// Where a cage lives. One interface for all backends; nothing of a vendor's own words passes through it.
import type { ProcessIdentity } from '../platform/processes.ts';
import type { ListenerPurpose } from '../egress/config.ts';

/** The host user that a cage's processes run as. */
export interface CageIdentity {
  uid: number;
  gid: number;
  /** Uid that the host gives to the egress of this cage; equals `uid` for an ordinary caller. */
  egressUid: number;
  /** Uid and gid as the cage sees them. Never 0. */
  insideUid: number;
  insideGid: number;
}

export interface Bind {
  source: string;
  target: string;
  writable: boolean;
}

/** Wanted limits; undefined means none was asked for. */
export interface LimitRequest {
  memoryBytes: number | undefined;
  pids: number | undefined;
  cpus: number | undefined;
}

export type Enforcer = 'cgroup' | 'rlimit' | 'none';

/** What enforces each limit; `none` stands only where no limit was asked for. */
export interface LimitEnforcement {
  memory: Enforcer;
  pids: Enforcer;
  cpu: Enforcer;
}

/** Everything a backend needs to make a cage run. Paths are absolute. */
export interface CagePlan {
  name: string;
  identity: CageIdentity;
  /** The caller is root and the cage is not: sources may lie where the cage's uid cannot walk. */
  callerIsRoot: boolean;
  /** Backend's own directory for generated files; emptied at every start. */
  runDirectory: string;
  tmpDirectory: string;
  homeDirectory: string;
  homeTarget: string;
  workspace:
    | { kind: 'directory'; source: string; target: string; writable: boolean }
    | { kind: 'overlay'; lower: string; upper: string; work: string; merged: string; target: string };
  binds: readonly Bind[];
  /** Files inside that are covered by an empty one. */
  masks: readonly string[];
  /** Environment of every process in the cage; complete. */
  env: Readonly<Record<string, string>>;
  limits: LimitRequest;
  listeners: readonly ListenerRequest[];
}

export interface ListenerRequest {
  purpose: ListenerPurpose;
  port: number;
}

/** A cage that runs; stored on disk so that any later command can find it. */
export interface RunningCage {
  /** Keeps the namespaces; outside the cage's process namespace. */
  holder: ProcessIdentity;
  /** Process 1 of the cage, by its number on the host. */
  init: ProcessIdentity;
  limits: LimitEnforcement;
  /** cgroup directories made for the cage. */
  cgroups: readonly string[];
}

/** How to start a program inside a running cage: a host command line. */
export interface EnterCommand {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

export interface EnterRequest {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** A terminal of its own is attached; otherwise the program gets a session without a terminal. */
  terminal: boolean;
}

export interface ProbeResult {
  id: string;
  status: 'ok' | 'warn' | 'fail';
  what: string;
  /** What to do about it; empty when ok. */
  hint: string;
}
