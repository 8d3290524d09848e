// Ends a cage: asks every process, then kills process 1, and with it the kernel ends all others.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { isInside } from '../../platform/files.ts';
import { IronError } from '../../platform/errors.ts';
import {
  identifyProcess,
  isAlive,
  signalProcess,
  waitForExit,
  type ProcessIdentity,
} from '../../platform/processes.ts';
import { removeCgroups } from './limits.ts';

const GRACE_MS = 2_000;
const KILL_MS = 5_000;

/** What is known of a cage that runs, or that a crash left half started: process 1 may never have been written down. */
export interface CageRemains {
  holder: ProcessIdentity;
  init?: ProcessIdentity | undefined;
  cgroups: readonly string[];
}

/** Stops what is left; `graceMs` 0 kills at once. Throws E_BACKEND when a process survives a kill. */
export async function stopNativeCage(remains: CageRemains, graceMs = GRACE_MS): Promise<void> {
  const init = remains.init ?? firstChild(remains.holder);
  if (init !== undefined && isAlive(init)) {
    const members = cageProcesses(init).filter(({ pid }) => pid !== init.pid);
    for (const member of members) signalProcess(member, 'SIGTERM');
    const end = performance.now() + graceMs;
    for (const member of members) await waitForExit(member, Math.max(0, end - performance.now()));
    signalProcess(init, 'SIGKILL');
    await mustEnd(init);
  }
  signalProcess(remains.holder, 'SIGKILL');
  await mustEnd(remains.holder);
  removeCgroups(remains.cgroups);
}

/** Ends what was started over the directory of a cage, known by its command line: for a lost state. */
export async function stopStrays(cageDirectory: string): Promise<void> {
  const wrappers = processesWhere((pid) => isWrapper(pid, cageDirectory));
  const inner = processesWhere((pid) => wrappers.some((wrapper) => isBelow(pid, wrapper.pid)));
  const strays = [...inner, ...wrappers];
  for (const stray of strays) signalProcess(stray, 'SIGKILL');
  for (const stray of strays) await mustEnd(stray);
}

/** A bubblewrap that binds something of this directory; an editor that shows a file of it is none. */
function isWrapper(pid: number, directory: string): boolean {
  const [program = '', ...args] = commandLine(pid);
  return basename(program) === 'bwrap' && args.some((arg) => isInside(arg, directory));
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // Gone meanwhile, or not ours to see.
    return [];
  }
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let current = parentOf(pid); current !== undefined && current > 1; current = parentOf(current)) {
    if (current === ancestor) return true;
  }
  return false;
}

/** Throws E_BACKEND when a killed process does not go away. */
export async function mustEnd(identity: ProcessIdentity): Promise<void> {
  if (await waitForExit(identity, KILL_MS)) return;
  throw new IronError('E_BACKEND', {
    message: `process ${identity.pid} of the cage does not end`,
    because: 'it is stuck in the kernel, most often on a disk or a network file system that does not answer',
    hint: 'wait for that device, then run the command again',
  });
}

/** Undefined when there is none, or when the number belongs to another process by now. */
export function firstChild(parent: ProcessIdentity): ProcessIdentity | undefined {
  if (!isAlive(parent)) return undefined;
  return processesWhere((pid) => parentOf(pid) === parent.pid)[0];
}

function parentOf(pid: number): number | undefined {
  return identifyProcess(pid)?.parentPid;
}

export function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // Gone meanwhile, or not ours to see: then it is no process of this cage.
    return undefined;
  }
}

/** All processes in the process namespace of `init`; none when that is ours, as it is while a keeper still prepares. */
export function cageProcesses(init: ProcessIdentity): ProcessIdentity[] {
  const own = namespaceOf(init.pid);
  if (own === undefined || own === namespaceOf(process.pid)) return [];
  return processesWhere((pid) => namespaceOf(pid) === own);
}

function processesWhere(wanted: (pid: number) => boolean): ProcessIdentity[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(wanted)
    .flatMap((pid) => identifyProcess(pid) ?? []);
}
