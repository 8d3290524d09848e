// A program under a command line of confined-command.ts: how it starts, which process it is among the wrappers around it, and how
// all of it ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutInherited } from '../../platform/descriptors.ts';
import { whenLate } from '../../platform/patience.ts';
import { identifyProcess, isAlive, signalProcess, type ProcessIdentity } from '../../platform/processes.ts';
import { firstChild, mustEnd, namespaceOf } from './cage-processes.ts';
import { RUN_FILES } from './layout.ts';

export interface ConfinedStart {
  /** Of confined-command.ts. */
  command: readonly string[];
  runDirectory: string;
  /** Name of the log in the run directory: what one that died has said is kept for the next to be read with. */
  log: string;
  channel: 'ipc' | 'pipe';
}

/** What cannot be started, or be sent to one that ended, is seen by the answer that does not come. */
export function startConfined(
  { command, runDirectory, log: name, channel }: ConfinedStart,
  path: string,
): ChildProcess {
  const [program = '', ...args] = withoutInherited(command, path, 5);
  const log = openSync(join(runDirectory, name), 'a', 0o600);
  const filter = openSync(join(runDirectory, RUN_FILES.egressFilter), 'r');
  const child = spawn(program, args, {
    detached: true,
    env: { PATH: path },
    stdio: ['ignore', log, log, channel, filter],
  });
  closeSync(log);
  closeSync(filter);
  child.on('error', () => undefined);
  return child;
}

/**
 * The first message of a program that `read` makes something of; undefined passes it over, a throw ends the waiting. An end or
 * silence is the error that `failed` makes of it.
 */
export function answerOf<Answer>(
  child: ChildProcess,
  timeoutMs: number,
  failed: (because: string) => Error,
  read: (message: unknown) => Answer | undefined,
): Promise<Answer> {
  return new Promise((resolvePromise, reject) => {
    const settle = (finish: () => void): void => {
      inTime();
      child.off('message', onMessage);
      child.off('exit', onExit);
      finish();
    };
    const onMessage = (message: unknown): void => {
      try {
        const answer = read(message);
        if (answer !== undefined) settle(() => resolvePromise(answer));
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : failed(String(error))));
      }
    };
    const onExit = (code: number | null): void => settle(() => reject(failed(`it ended with code ${String(code)}`)));
    const inTime = whenLate(timeoutMs, () => settle(() => reject(failed('it did not answer in time'))));
    child.on('message', onMessage);
    child.once('exit', onExit);
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode);
  });
}

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
