// The first process of a container, as this machine's kernel shows it: that it is the one that was asked for, and that it is
// confined as it was asked to be. Nothing is done in its namespaces, and nothing runs in it, before that is seen.
import { readFileSync } from 'node:fs';
import { IronError } from '../../platform/errors.ts';
import { timeLimit } from '../../platform/patience.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import type { ContainerIdentity, GvisorSandbox } from '../backend.ts';
import { networkFault } from '../host/cage-network.ts';
import { INSIDE_HOLD, markOf } from './arguments.ts';
import { readSandbox } from './gvisor.ts';
import { SUDO_CAPABILITIES } from './sudo.ts';

const BECOMES_MS = 3_000;

/** Resolves with the sandbox where there is one. Throws E_PROTECTION. `id`: the engine's own of the container. */
export async function requireFirstProcess(
  init: ProcessIdentity,
  { name, runtime }: Pick<ContainerIdentity, 'name' | 'runtime'>,
  id: string,
  rootUid: number | undefined,
): Promise<GvisorSandbox | undefined> {
  const kind = runtime?.kind ?? 'namespaces';
  switch (kind) {
    case 'namespaces':
      await become(init, () => commandLine(init.pid) === `${INSIDE_HOLD}\0${markOf(name)}\0`);
      await confined(init, rootUid === undefined ? NOTHING : { capabilities: SUDO_CAPABILITIES, newPrivileges: true });
      return undefined;
    case 'gvisor': {
      const sandbox = await become(init, () => (commandLine(init.pid) === '' ? undefined : readSandbox(init.pid, id)));
      await confined(init, { capabilities: GVISOR_CAPABILITIES, newPrivileges: false });
      return sandbox;
    }
    default:
      kind satisfies never;
      throw new Error('a runtime of an unknown kind');
  }
}

/** The runtime's own program becomes the container's a moment after it says that it has started it. */
async function become<T>(init: ProcessIdentity, look: () => T): Promise<NonNullable<T>> {
  const isOver = timeLimit(BECOMES_MS);
  for (;;) {
    const seen = look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (isOver()) {
      throw new IronError('E_PROTECTION', {
        message: 'the container’s first process is not on this machine',
        because: `process ${init.pid} is another program than the one that was started`,
        hint: 'an engine in a virtual or another machine cannot have cages yet; use one of this machine, or --backend native',
      });
    }
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

interface Allowed {
  /** A set of bits, as the kernel has it. */
  capabilities: bigint;
  newPrivileges: boolean;
}

const NOTHING: Allowed = { capabilities: 0n, newPrivileges: false };

/** CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, SYS_PTRACE: gVisor's kernel reaches its files by them; none is of the network or of mounts. */
const GVISOR_CAPABILITIES = 0x800dfn;

/** The same for the router of an open cage, which has a network of the engine's. */
export async function requireRouterProcess(init: ProcessIdentity, name: string): Promise<void> {
  await become(init, () => commandLine(init.pid) === `${INSIDE_HOLD}\0${markOf(name)}\0`);
  await confined(init, NOTHING, () => Promise.resolve(undefined));
}

async function confined(
  init: ProcessIdentity,
  allowed: Allowed,
  faultOf = () => networkFault({ init, egress: undefined, devices: [], listeners: [] }),
): Promise<void> {
  const isOver = timeLimit(BECOMES_MS);
  for (;;) {
    const lacking = whatIsOpen(readText(`/proc/${init.pid}/status`), allowed) ?? (await faultOf());
    if (lacking === undefined) return;
    if (isOver()) {
      throw new IronError('E_PROTECTION', {
        message: 'the container is not confined as it was asked to be',
        because: lacking,
        hint: 'its runtime does not do what the engine tells it: use another --runtime, or the engine’s own',
      });
    }
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/** Of /proc/PID/status; undefined when nothing is open. */
export function whatIsOpen(status: string, { capabilities, newPrivileges }: Allowed): string | undefined {
  const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
  if (field('NoNewPrivs') !== '1' && !newPrivileges) return 'it may gain privileges (no_new_privs is not set)';
  if (field('Seccomp') !== '2') return 'it has no filter of system calls';
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    const text = field(name);
    if (!/^[0-9a-f]{16}$/.test(text) || (BigInt(`0x${text}`) & ~capabilities) !== 0n)
      return `it has capabilities (${name})`;
  }
  return undefined;
}

/** Whether the processes of its containers are this machine's kernel's, and not those of a kernel of its own. */
export function sharesKernel(runtime: ContainerIdentity['runtime']): boolean {
  return runtime === undefined || runtime.kind === 'namespaces';
}

/** Whether it is process 1 of a namespace below ours. Format: proc(5), /proc/PID/status: its numbers from our namespace inwards. */
export function isFirstOfItsOwn(pid: number): boolean {
  return /^NSpid:(\s+\d+)+\s+1$/m.test(readText(`/proc/${pid}/status`));
}

function commandLine(pid: number): string {
  return readText(`/proc/${pid}/cmdline`);
}

/** Empty when the process is gone. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
