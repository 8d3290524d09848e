// Which processes of this machine belong to a cage: told by the namespace they live in, never by name.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { IronError } from '../../platform/errors.ts';
import { identifyProcess, isAlive, waitForExit, type ProcessIdentity } from '../../platform/processes.ts';

const KILL_MS = 5_000;

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
  const [child] = childrenOf(parent.pid);
  const found = child === undefined ? undefined : identifyProcess(child);
  // Looked at last: until then the number may have gone to another process.
  return found?.parentPid === parent.pid && isAlive(parent) ? found : undefined;
}

/** Numbers of the processes that any thread of `pid` has started and not yet buried; none when it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

export function parentOf(pid: number): number | undefined {
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

export function processesWhere(wanted: (pid: number) => boolean): ProcessIdentity[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(wanted)
    .flatMap((pid) => identifyProcess(pid) ?? []);
}
