// A program that confined-command.ts has started, among the wrappers around it: which process it is, and how all of it ends.
import { readFileSync } from 'node:fs';
import { identifyProcess, isAlive, signalProcess, type ProcessIdentity } from '../../platform/processes.ts';
import { firstChild, mustEnd, namespaceOf } from './cage-processes.ts';

/** Process 1 of the namespace of a program, by its outermost wrapper: with it all of the program ends. Undefined: it is gone. */
export function confinedProcess(wrapper: ProcessIdentity): ProcessIdentity | undefined {
  const inner = namespaceChain(wrapper).at(-1);
  return inner === undefined || !isApart(inner) ? undefined : { pid: inner.pid, startTicks: inner.startTicks };
}

/** Ends a program, by its process 1 or by one of the wrappers around that, whatever state they are in. */
export async function endConfined(identity: ProcessIdentity): Promise<void> {
  if (!isAlive(identity)) return;
  const chain = [...wrappersOf(identity), ...namespaceChain(identity)];
  // From the inside: with process 1 of its namespace all of it ends, and the wrappers end with what they watch.
  for (const process of chain.toReversed()) {
    signalProcess(process, 'SIGKILL');
    await mustEnd(process);
  }
}

/** A process and its only descendants, down to the first in a process namespace of its own. */
function namespaceChain(identity: ProcessIdentity): ProcessIdentity[] {
  const chain = [identity];
  for (let last = identity; !isApart(last) && chain.length < MOST_WRAPPERS;) {
    const child = firstChild(last);
    if (child === undefined) break;
    chain.push(child);
    last = child;
  }
  return chain;
}

/** The bubblewraps above a process, outermost first. */
function wrappersOf(identity: ProcessIdentity): ProcessIdentity[] {
  const wrappers: ProcessIdentity[] = [];
  let parentPid = identifyProcess(identity.pid)?.parentPid;
  while (parentPid !== undefined && wrappers.length < MOST_WRAPPERS && isBubblewrap(parentPid)) {
    const parent = identifyProcess(parentPid);
    if (parent === undefined) break;
    wrappers.unshift({ pid: parent.pid, startTicks: parent.startTicks });
    parentPid = parent.parentPid;
  }
  return wrappers;
}

/** Two bubblewraps and the first process inside; more are no program of ours. */
const MOST_WRAPPERS = 4;

function isApart(identity: ProcessIdentity): boolean {
  const own = namespaceOf(identity.pid);
  return own !== undefined && own !== namespaceOf(process.pid);
}

function isBubblewrap(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'bwrap';
  } catch {
    // Gone meanwhile: then there is nothing to wait for.
    return false;
  }
}
