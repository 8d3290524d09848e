// One writer at a time per cage. A lock is a link that names its holder; a holder that died leaves no lock behind.
import { randomBytes } from 'node:crypto';
import { renameSync, unlinkSync } from 'node:fs';
import { IronError, systemErrorCode } from './errors.ts';
import { linkIdentity, linkOwnIdentity, readIdentityLink } from './identity-link.ts';
import { timeLimit } from './patience.ts';
import { isAlive } from './processes.ts';

export interface LockOptions {
  /** What the lock guards, for the error message. */
  what: string;
  /** How long to wait for another holder. Default 10 000. */
  timeoutMs?: number | undefined;
}

/** Runs `work` while holding the lock at `path`; throws E_LOCKED when another live process keeps it. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  // Most find it free, and for Node a clock is one more module to load.
  let isOver: (() => boolean) | undefined;
  while (!linkOwnIdentity(path)) {
    isOver ??= timeLimit(options.timeoutMs ?? 10_000);
    const holder = readIdentityLink(path);
    if (holder !== 'gone' && (holder === undefined || !isAlive(holder))) breakStaleLock(path);
    else if (isOver()) {
      throw new IronError('E_LOCKED', {
        message: `${options.what} is busy`,
        because: holder === 'gone' ? 'other commands keep taking its lock' : `process ${holder.pid} is changing it`,
        hint: 'wait for the other command to end, then run this one again',
      });
    } else await new Promise((wake) => setTimeout(wake, 10));
  }
  try {
    return await work();
  } finally {
    unlinkSync(path);
  }
}

/** Takes the dead holder's link away by rename, so that of two breakers only one can succeed, and looks again before it is dropped. */
function breakStaleLock(path: string): void {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const holder = readIdentityLink(aside);
  if (holder !== undefined && holder !== 'gone' && isAlive(holder)) linkIdentity(path, holder);
  unlinkSync(aside);
}
