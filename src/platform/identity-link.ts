// A process named on disk by a symbolic link whose target is its number and start time: there whole or not at all, and made
// without a byte of file space, so that a full disk does not keep anybody from the commands that make room.
import { readlinkSync, symlinkSync } from 'node:fs';
import { systemErrorCode } from './errors.ts';
import { identifyProcess, type ProcessIdentity } from './processes.ts';

/** Names this process at `path`; false when something is there already. */
export function linkOwnIdentity(path: string): boolean {
  const own = identifyProcess(process.pid);
  return own !== undefined && linkIdentity(path, own);
}

export function linkIdentity(path: string, { pid, startTicks }: ProcessIdentity): boolean {
  try {
    symlinkSync(`${pid}:${startTicks}`, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** `gone` where there is nothing; undefined for anything that names no process. */
export function readIdentityLink(path: string): ProcessIdentity | 'gone' | undefined {
  try {
    const [, pid, startTicks] = /^(\d+):(\d+)$/.exec(readlinkSync(path)) ?? [];
    return pid === undefined || startTicks === undefined ? undefined : { pid: Number(pid), startTicks };
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? 'gone' : undefined;
  }
}
