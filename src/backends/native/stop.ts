// Ends a cage: asks every process, then kills process 1, and with it the kernel ends all others.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isInside } from '../../platform/files.ts';
import { isAlive, signalProcess, waitForExit, type ProcessIdentity } from '../../platform/processes.ts';
import { cageProcesses, firstChild, mustEnd, parentOf, processesWhere } from '../host/cage-processes.ts';
import { removeCgroups } from './limits.ts';

const GRACE_MS = 2_000;

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
