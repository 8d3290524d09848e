// Starts a cage: keeper, listeners, and the cage itself while its egress comes up. Until the caller has stored who the keeper is,
// everything started here ends by itself when this process dies.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { withoutInherited } from '../../platform/descriptors.ts';
import { IronError, systemErrorCode } from '../../platform/errors.ts';
import { whenLate } from '../../platform/patience.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../platform/processes.ts';
import type { CagePlan, RunningCage, StartHooks } from '../backend.ts';
import { CALL_PROGRAM, closeCalls, END, writeCalls } from '../host/call-list.ts';
import { guardedPaths } from '../host/inner-mounts.ts';
import { RUN_FILES } from '../host/layout.ts';
import { CHANNEL, listenerCalls } from '../host/listener-calls.ts';
import { networkCalls } from '../host/network-calls.ts';
import { receiveListeners } from '../host/opened-listeners.ts';
import { layTrust, writeFilter, writePublic, writeRunFiles, writeTrust } from '../host/run-files.ts';
import type { Tools } from '../host/tools.ts';
import { cageArguments, isolationArguments, keeperCommand } from './arguments.ts';
import { applyLimits, joinCgroups, removeCgroups } from './limits.ts';
import { STAGED } from './stage.ts';

const START_TIMEOUT_MS = 20_000;

/**
 * What keeps the cage alive: says that it runs, lets go of everything that was handed down to it, and sleeps. Nothing of the agent's may
 * run as it: it has none of the cage's variables, and a search path that no cage writes to.
 */
const UP = 'up';
const FIRST_ENVIRONMENT = ['--clearenv', '--setenv', 'PATH', '/usr/bin:/bin'];
const FIRST_PROGRAM = `echo ${UP}; exec sleep infinity </dev/null >/dev/null 2>&1 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-`;

/** Names of cages are unique within one data root only; control groups are the whole machine's. */
function groupName({ name, runDirectory }: CagePlan): string {
  return `${name}-${createHash('sha256').update(runDirectory).digest('hex').slice(0, 8)}`;
}

/** What opens the listeners: a program of calls and its list, which set the network up as well, and the Node that does it elsewhere. */
function stagedOpeners({ runDirectory, listeners }: CagePlan): string[] {
  writeCalls(runDirectory, LIST, (put) => [
    // bubblewrap's, and the list's own.
    ...closeCalls(INFORMATION, INFORMATION + 1),
    ...networkCalls(put, CHANNEL + 1),
    ...listenerCalls(listeners, put),
    END,
  ]);
  const calls = [CALL_PROGRAM, `${LIST}.calls`].map((name) => `${STAGED.run}/${name}`);
  return [...calls, STAGED.node, `${STAGED.programs}/packed/open-listeners.js`];
}

const LIST = 'listeners';

/** Descriptor of the keeper's by which bubblewrap tells of the cage. */
const INFORMATION = CHANNEL + 1;

/** Starts the keeper and, through it, the cage. */
export async function startNativeCage(
  plan: CagePlan,
  tools: Tools,
  path: string,
  hooks: StartHooks,
): Promise<RunningCage> {
  writeFilter(plan.runDirectory, 'cage');
  writeRunFiles(plan, plan.env['SHELL'] ?? '/bin/sh');
  layTrust(plan.runDirectory);
  writePublic(join(plan.runDirectory, RUN_FILES.arguments), Buffer.from(`${cageArguments(plan).join('\0')}\0`));
  const { enforcement, cgroups, rlimits } = applyLimits(groupName(plan), plan.limits);
  const first = [...FIRST_ENVIRONMENT, '--', '/bin/sh', '-c', FIRST_PROGRAM];
  const bubblewrap = [tools.bwrap, ...isolationArguments(plan, true), ...first];
  const overlays = plan.workspaces.flatMap(({ kind }, index) => (kind === 'overlay' ? [index] : [])).join(' ');
  const hold = [
    ...[tools.sh, `${STAGED.programs}/native/hold.sh`, ...stagedOpeners(plan)],
    ...[overlays, rlimits.pids, rlimits.memory, ...guardedPaths(plan, STAGED), '--', ...bubblewrap],
  ];
  const [program = '', ...args] = withoutInherited(keeperCommand(plan, tools, hold), path, 5);
  const child = spawn(program, args, {
    detached: true,
    env: { PATH: path },
    // Process 1 of the cage keeps these: a file of the host's here could be opened from inside through /proc/1/fd.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
  });
  const [, stdout, stderr] = child.stdio;
  if (stdout === null || stderr === null) throw startFailure('its pipes are missing', '');
  let log = '';
  stderr.on('data', (chunk) => (log += String(chunk)));
  const failed = (because: string): IronError => startFailure(because, log);
  // What it said is complete only when all its pipes are closed.
  const closed = new Promise<void>((resolvePromise) => child.once('close', () => resolvePromise()));
  try {
    let holder: ProcessIdentity | undefined;
    const handedOver = receiveListeners(child, plan.listeners, {
      handOver: (request, handle) => hooks.listener(request, handle),
      opened(pid) {
        holder = holdKeeper(child, pid, cgroups, hooks);
        if (holder === undefined) throw failed('its keeper is gone');
      },
      failed,
    });
    // The cage is made while its egress still starts: all that runs in it sleeps.
    const [init] = await Promise.all([
      untilUp(child, stdout, closed, failed),
      handedOver.then(() => hooks.certificate()).then((pem) => writeTrust(plan.runDirectory, pem)),
    ]);
    if (holder === undefined) throw failed('its keeper was not told of');
    stderr.destroy();
    child.unref();
    return { holder, init, limits: enforcement, cgroups };
  } catch (error) {
    killGroup(child);
    removeCgroups(cgroups);
    throw error;
  }
}

/** The keeper leads a process group: its wrappers, its shell and the program that opens the listeners. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

/** Until its `go` the keeper ends with this process; from then on whoever repairs the cage knows it. Undefined when it has ended. */
function holdKeeper(
  child: ChildProcess,
  pid: number | undefined,
  cgroups: readonly string[],
  hooks: StartHooks,
): ProcessIdentity | undefined {
  const holder = pid === undefined ? undefined : identifyProcess(pid);
  if (holder === undefined || !isAlive(holder)) return undefined;
  joinCgroups(cgroups, holder.pid);
  hooks.holderKnown(holder, cgroups);
  child.send({ type: 'go' });
  return holder;
}

/** Resolves with process 1 when the cage's first program runs: only then is its file system whole. */
async function untilUp(
  child: ChildProcess,
  stdout: Readable,
  closed: Promise<void>,
  failed: (because: string) => IronError,
): Promise<ProcessIdentity> {
  const inTime = whenLate(START_TIMEOUT_MS, () => killGroup(child));
  try {
    const init = await readInitPid(child, failed);
    if (init !== undefined) for await (const chunk of stdout) if (String(chunk).includes(UP)) return init;
    await closed;
    throw failed('bubblewrap ended before the cage existed');
  } finally {
    inTime();
  }
}

/** bubblewrap's --info-fd tells the number of process 1 once the namespaces exist; undefined when it ended before. */
async function readInitPid(
  child: ChildProcess,
  failed: (because: string) => IronError,
): Promise<ProcessIdentity | undefined> {
  const pipe = child.stdio[4];
  if (pipe === null || pipe === undefined || !('read' in pipe)) throw failed('its information pipe is missing');
  let text = '';
  for await (const chunk of pipe) {
    text += String(chunk);
    // Read to its end: bubblewrap writes in pieces, and a pipe that is closed under it would be its death.
    if (!text.includes('}')) continue;
    const pid = /"child-pid": *(\d+)/.exec(text)?.[1];
    const identity = pid === undefined ? undefined : identifyProcess(Number(pid));
    if (identity !== undefined) return identity;
  }
  return undefined;
}

/** Says which switch of the kernel or which tool stood in the way, as far as the log tells. */
export function startFailure(because: string, log: string): IronError {
  const text = log.trim().split('\n').slice(-8).join(' | ');
  const known = KNOWN_FAILURES.find(({ pattern }) => pattern.test(text));
  return new IronError(known?.code ?? 'E_BACKEND', {
    message: known?.message ?? 'the cage could not be started',
    because: text === '' ? because : text,
    hint: known?.hint ?? 'run `ironcage doctor`: it checks every part a cage needs',
  });
}

const KNOWN_FAILURES = [
  {
    pattern: /a link is in the way of a mount/i,
    code: 'E_PROTECTION',
    message: 'something is to be mounted where the cage has put a link',
    hint: 'take that mount out of the cage’s options, or remove the link; with it in place the mount could land outside',
  },
  {
    pattern:
      /No permissions to creat(e|ing) new namespace|Creating new namespace failed|setting up uid map|unshare.*Operation not permitted/i,
    code: 'E_KERNEL',
    message: 'this machine does not let ordinary users make user namespaces',
    hint: 'as root: sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000, and on Ubuntu 24.04 kernel.apparmor_restrict_unprivileged_userns=0',
  },
  {
    pattern: /mount.*overlay|overlay.*mount|unknown filesystem type 'overlay'/i,
    code: 'E_KERNEL',
    message: 'this kernel does not allow an overlay in a user namespace',
    hint: 'make the cage anew with --workspace copy on a kernel from 5.11 on, or report what `ironcage doctor` says',
  },
  {
    pattern: /No space left on device/i,
    code: 'E_DISK_FULL',
    message: 'the disk is full',
    hint: 'free some space and start again',
  },
  {
    pattern: /Can't mount proc/i,
    code: 'E_KERNEL',
    message: 'a fresh /proc cannot be mounted here',
    hint: 'this happens inside containers that mask /proc: run them with unmasked paths, or run ironcage on the host',
  },
] as const;
