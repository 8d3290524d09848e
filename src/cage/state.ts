// The state: what exists right now. Written before and after every step, so that a crash between any two is seen by
// the next command.
import {
  ENGINE_KINDS,
  RUNTIME_KINDS,
  type ContainerIdentity,
  type ContainerRuntime,
  type GvisorSandbox,
  type LimitEnforcement,
  type RunningCage,
} from '../backends/backend.ts';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import type { ProcessIdentity } from '../platform/processes.ts';
import type { PublishedPort } from './published-port.ts';

/** The process that forwards one published port. */
export interface Forwarder extends PublishedPort {
  process: ProcessIdentity;
}

export type CageState =
  /** The directory is being filled; nothing in it is anybody's work. */
  | { phase: 'creating' }
  | { phase: 'stopped' }
  /** Processes may exist; those that are known are named. */
  | {
      phase: 'starting' | 'stopping';
      egress?: ProcessIdentity;
      holder?: ProcessIdentity;
      init?: ProcessIdentity;
      container?: ContainerIdentity | undefined;
      cgroups: readonly string[];
      forwarders?: readonly Forwarder[] | undefined;
    }
  | ({
      phase: 'running';
      /** What its traffic passes: of an open cage its router. */
      egress: ProcessIdentity;
      /** Is to take the place of an egress that has ended; not known yet to serve. */
      replacement?: ProcessIdentity;
      generation: number;
      hash: string;
      /** Started by a run for that run alone: the last to leave stops it. */
      stopWhenIdle: boolean;
      forwarders?: readonly Forwarder[] | undefined;
    } & RunningCage)
  /** On its way to the trash. */
  | { phase: 'removing' };

export type RunningState = Extract<CageState, { phase: 'running' }>;

/** `whole`: the rest of the cage is there, so that a missing state is a lost one and no cage in the making. */
export function readState(path: string, whole = false): CageState {
  const text = readTextIfPresent(path);
  if (text === undefined && !whole) return { phase: 'creating' };
  if (text === undefined) throw brokenState(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw brokenState(path);
  }
  const state = parseState(value);
  if (state === undefined) throw brokenState(path);
  const boot = isRecord(value) ? value['boot'] : undefined;
  return boot === undefined || boot === currentBoot() ? state : afterBoot(state);
}

/** Written several times in a start. A power failure ends every process that it names, so it need not outlive one. */
export function writeState(path: string, state: CageState): void {
  writeFileAtomic(path, `${JSON.stringify({ ...state, boot: currentBoot() })}\n`, { synced: false });
}

/** Which start of this machine it is: processes of an earlier one are gone, whoever has their numbers now. */
function currentBoot(): string | undefined {
  return readTextIfPresent('/proc/sys/kernel/random/boot_id')?.trim();
}

/** What another start of the machine has left of a state: no process, and what an engine may still keep. */
function afterBoot(state: CageState): CageState {
  switch (state.phase) {
    case 'creating':
    case 'stopped':
    case 'removing':
      return state;
    case 'starting':
    case 'stopping':
    case 'running':
      return { phase: 'stopping', container: state.container, cgroups: state.cgroups };
    default:
      throw new Error(`no such phase: ${String(state satisfies never)}`);
  }
}

function brokenState(path: string): IronError {
  return new IronError('E_STATE_BROKEN', {
    message: `the state of a cage cannot be read: ${path}`,
    hint: 'run `ironcage doctor --fix`: it looks for the cage’s processes, ends them and writes the state anew',
    details: { path },
  });
}

/** Hand-written and small: every command reads states, and loading a schema library would double its start time. */
function parseState(value: unknown): CageState | undefined {
  if (!isRecord(value)) return undefined;
  switch (value['phase']) {
    case 'creating':
    case 'stopped':
    case 'removing':
      return { phase: value['phase'] };
    case 'starting':
    case 'stopping': {
      const cgroups = value['cgroups'];
      const container = parseContainer(value['container']);
      const forwarders = parseForwarders(value['forwarders']);
      if (!isStrings(cgroups) || container === undefined || forwarders === undefined) return undefined;
      const known: { egress?: ProcessIdentity; holder?: ProcessIdentity; init?: ProcessIdentity } = {};
      for (const name of ['egress', 'holder', 'init'] as const) {
        const identity = parseIdentity(value[name]);
        if (identity !== undefined) known[name] = identity;
      }
      return { phase: value['phase'], ...known, ...container, ...forwarders, cgroups };
    }
    case 'running': {
      const { generation, hash, stopWhenIdle, cgroups, limits } = value;
      const [egress, holder, init] = [value['egress'], value['holder'], value['init']].map(parseIdentity);
      if (egress === undefined || holder === undefined || init === undefined) return undefined;
      if (typeof generation !== 'number' || typeof hash !== 'string') return undefined;
      if (typeof stopWhenIdle !== 'boolean' || !isStrings(cgroups) || !isEnforcement(limits)) return undefined;
      const replacement = parseIdentity(value['replacement']);
      const container = parseContainer(value['container']);
      const sandbox = parseSandbox(value['sandbox']);
      const gate = parseIdentity(value['gate']);
      const forwarders = parseForwarders(value['forwarders']);
      if (container === undefined || sandbox === undefined || forwarders === undefined) return undefined;
      if (container.container?.gated === true && gate === undefined) return undefined;
      const parts = { gate, ...container, ...sandbox, ...forwarders };
      const known = { egress, holder, init, ...parts, generation, hash, stopWhenIdle, cgroups, limits };
      return { phase: 'running', ...known, ...(replacement !== undefined && { replacement }) };
    }
    default:
      return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function isEnforcement(value: unknown): value is LimitEnforcement {
  const enforcers = ['cgroup', 'rlimit', 'none'];
  return isRecord(value) && ['memory', 'pids', 'cpu'].every((name) => enforcers.includes(String(value[name])));
}

/** Undefined when there is one that cannot be read: what it names would go on unseen. */
function parseContainer(value: unknown): { container?: ContainerIdentity } | undefined {
  if (value === undefined) return {};
  if (!isRecord(value)) return undefined;
  const { name, selectors, rootless, limits, router } = value;
  const engine = ENGINE_KINDS.find((kind) => kind === value['engine']);
  if (engine === undefined || typeof name !== 'string' || !isStrings(selectors)) return undefined;
  const runtime = parseRuntime(value['runtime']);
  if (typeof rootless !== 'boolean' || !isRecord(limits) || runtime === undefined) return undefined;
  if (router !== undefined && typeof router !== 'string') return undefined;
  const has = (limit: string): boolean => limits[limit] === true;
  const known = { memory: has('memory'), pids: has('pids'), cpu: has('cpu') };
  return {
    container: {
      engine,
      name,
      selectors,
      rootless,
      gated: value['gated'] === true,
      limits: known,
      ...runtime,
      ...(router !== undefined && { router }),
    },
  };
}

/** Undefined when there is one that cannot be read. */
function parseRuntime(value: unknown): { runtime?: ContainerRuntime } | undefined {
  if (value === undefined) return {};
  if (!isRecord(value)) return undefined;
  const { name } = value;
  const kind = RUNTIME_KINDS.find((known) => known === value['kind']);
  return typeof name === 'string' && kind !== undefined ? { runtime: { name, kind } } : undefined;
}

/** Undefined when there is one that cannot be read. */
function parseSandbox(value: unknown): { sandbox?: GvisorSandbox } | undefined {
  if (value === undefined) return {};
  if (!isRecord(value)) return undefined;
  const { program, root, id } = value;
  const isWhole = typeof program === 'string' && typeof root === 'string' && typeof id === 'string';
  return isWhole ? { sandbox: { program, root, id } } : undefined;
}

/** Undefined when one cannot be read: its process would go on unseen. */
function parseForwarders(value: unknown): { forwarders?: readonly Forwarder[] } | undefined {
  if (value === undefined) return {};
  if (!Array.isArray(value)) return undefined;
  const forwarders = value.flatMap((entry: unknown) => parseForwarder(entry) ?? []);
  return forwarders.length === value.length ? { forwarders } : undefined;
}

function parseForwarder(value: unknown): Forwarder | undefined {
  if (!isRecord(value)) return undefined;
  const { address, port, cagePort } = value;
  const process = parseIdentity(value['process']);
  if (typeof address !== 'string' || typeof port !== 'number' || typeof cagePort !== 'number') return undefined;
  return process === undefined ? undefined : { address, port, cagePort, process };
}

function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (!isRecord(value)) return undefined;
  const { pid, startTicks } = value;
  return typeof pid === 'number' && typeof startTicks === 'string' ? { pid, startTicks } : undefined;
}
