// Where a cage lives. One interface for all backends; nothing of a vendor's own words passes through it.
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server } from 'node:net';
import type { ProcessIdentity } from '../platform/processes.ts';
import type { ListenerPurpose } from '../egress/config.ts';

export const ENGINE_KINDS = ['docker', 'podman'] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];

/** Which limits an engine can set by control groups. */
export interface EngineLimits {
  memory: boolean;
  pids: boolean;
  cpu: boolean;
}

export const RUNTIME_KINDS = ['namespaces', 'gvisor'] as const;

/** What an OCI runtime makes of a container: processes of this machine's kernel, or programs of gVisor's own kernel. */
type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** An OCI runtime that was chosen by name; what it is was asked of its own program. */
export interface ContainerRuntime {
  name: string;
  kind: RuntimeKind;
}

/** The container of a cage, and whom to ask for it; its name is known before it exists. */
export interface ContainerIdentity {
  engine: EngineKind;
  name: string;
  /** Which daemon: arguments of the engine's command line. */
  selectors: readonly string[];
  /** It lies in a user namespace of the caller's. */
  rootless: boolean;
  /** Its engine is root's and the caller is not: only a second container gets into its network. */
  gated: boolean;
  limits: EngineLimits;
  /** Name of the container through which an open cage has its network; absent of every other. */
  router?: string | undefined;
  /** Absent: the engine's own, which is runc or crun. */
  runtime?: ContainerRuntime | undefined;
}

/** How the programs in a sandbox of gVisor's are reached: noted before anything inside could change what is seen of it. */
export interface GvisorSandbox {
  /** Absolute path of runsc. */
  program: string;
  /** Where runsc has the states of its containers. */
  root: string;
  /** Of the container, as runsc knows it. */
  id: string;
}

/** One way to isolate a cage. Everything that differs from one to another is behind these. */
export interface Backend {
  start(plan: CagePlan, hooks: StartHooks): Promise<StartedCage>;
  /** The host command line that runs `request.argv` inside; it ends as the program does, or with 128 + n where signal n ended that. */
  enter(plan: EnterPlan, cage: RunningCage, request: EnterRequest): EnterCommand;
  /** Opens the listeners of a cage that lives once more; `handOver` gets each and closes its own copy. */
  reopenListeners(
    plan: Pick<CagePlan, 'identity' | 'callerIsRoot' | 'runDirectory' | 'listeners' | 'container'>,
    cage: RunningCage,
    handOver: (request: ListenerRequest, handle: Listener) => Promise<void>,
  ): Promise<Pick<RunningCage, 'gate'>>;
  joinNetwork(callerIsRoot: boolean, cage: RunningCage): Promise<NetworkWay>;
  /** Gives an open cage that lives another router: its first process. */
  replaceRouter(plan: CagePlan, cage: RunningCage): Promise<ProcessIdentity>;
}

/**
 * How something of the host's gets into the network of a cage: what its command line begins with, by which it is in nothing else
 * of it but, for an ordinary caller, the user namespace that its network belongs to; or through the sockets of its gate.
 */
export type NetworkWay = readonly string[] | 'gate';

export type EnterPlan = Pick<CagePlan, 'identity' | 'callerIsRoot' | 'limits' | 'env' | 'runDirectory'>;

export interface StartHooks {
  /** Called with each listener as it arrives; must hand it on and then close its own copy. */
  listener(request: ListenerRequest, handle: Listener): Promise<void>;
  /** The CA's public certificate, PEM, of an egress that has confirmed its policy. */
  certificate(): Promise<string>;
  /** Called before anything is started that outlives this process; must be on disk when it returns. */
  holderKnown(holder: ProcessIdentity, cgroups: readonly string[]): void;
}

/** The host user that a cage's processes run as. */
export interface CageIdentity {
  uid: number;
  gid: number;
  /** Uid that the host gives to the egress of this cage; equals `uid` for an ordinary caller. */
  egressUid: number;
  /** Uid and gid as the cage sees them. Never 0. */
  insideUid: number;
  insideGid: number;
  /** Only where sudo was asked for: the host uid that is root inside, first of the 65,536 that the container has for itself. */
  rootUid?: number;
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
  /** Seen inside as INSIDE_BUS; written from both sides. */
  busDirectory: string;
  homeDirectory: string;
  homeTarget: string;
  /** The project first, then its further directories; none lies in another. */
  workspaces: readonly WorkspacePlan[];
  binds: readonly Bind[];
  /** Files inside that are covered by an empty one. */
  masks: readonly string[];
  /** Environment of every process in the cage; complete. */
  env: Readonly<Record<string, string>>;
  limits: LimitRequest;
  listeners: readonly ListenerRequest[];
  /** Only of a cage that is a container. */
  container?: ContainerPlan | undefined;
}

export type WorkspacePlan =
  | { kind: 'directory'; source: string; target: string; writable: boolean }
  | { kind: 'overlay'; lower: string; upper: string; work: string; merged: string; target: string };

export interface ContainerPlan {
  identity: ContainerIdentity;
  /** As the user named it. */
  image: string;
  /** By which the engine's own list tells whose a container is. */
  labels: Readonly<Record<string, string>>;
  /** File in which the backend notes what the container was made from, and the engine's id of it; outside of the run directory, and not there before. */
  note: string;
}

/** An open socket that goes from one process to another. */
export type Listener = Server | UdpSocket;

export interface ListenerRequest {
  purpose: ListenerPurpose;
  /** 0 for a gate's. */
  port: number;
  /** A unix socket that the gate of a container connects to, in place of one in the cage's network. */
  isGate?: boolean;
}

/** A cage that runs; stored on disk so that any later command can find it. */
export interface RunningCage {
  container?: ContainerIdentity | undefined;
  /** Only of a container whose kernel is gVisor's. */
  sandbox?: GvisorSandbox | undefined;
  /** Keeps the namespaces; outside the cage's process namespace. Of a container: its process 1. */
  holder: ProcessIdentity;
  /** Process 1 of the cage, by its number on the host. */
  init: ProcessIdentity;
  /** Of a gated container: holds its listeners in the place of the egress. */
  gate?: ProcessIdentity | undefined;
  limits: LimitEnforcement;
  /** cgroup directories made for the cage. */
  cgroups: readonly string[];
}

/** A cage that has just come to run. */
export interface StartedCage extends RunningCage {
  /** First process of the container through which an open cage has its network. */
  router?: ProcessIdentity;
}

/** How to start a program inside a running cage: a host command line. */
export interface EnterCommand {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Where it is to be run; default: anywhere. */
  cwd?: string;
  /** Of a command line that hands no signal on: has the program inside get it; false when that is not there. */
  deliver?: (signal: NodeJS.Signals) => boolean;
  /** To be called when that command line has ended, whatever ended it: then the program inside ends as well. */
  endLeftOver?: () => Promise<void>;
}

export interface EnterRequest {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** A terminal of its own is attached; otherwise the program gets a session without a terminal. */
  terminal: boolean;
  /**
   * It is to outlive whoever starts it: the command line ends when the program does or before, and takes nothing with it. It
   * has no input, and its output is nobody's.
   */
  detached?: true;
}

export interface ProbeResult {
  id: string;
  status: 'ok' | 'warn' | 'fail';
  what: string;
  /** What to do about it; empty when ok. */
  hint: string;
}
