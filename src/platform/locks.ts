// One writer at a time per cage. A lock is a file that names its holder; a holder that died leaves no lock behind.
import { randomBytes } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { IronError, systemErrorCode } from './errors.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from './processes.ts';

export interface LockOptions {
  /** What the lock guards, for the error message. */
  what: string;
  /** How long to wait for another holder. Default 10 000. */
  timeoutMs?: number | undefined;
}

/** Runs `work` while holding the lock file at `path`; throws E_LOCKED when another live process keeps it. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + (options.timeoutMs ?? 10_000);
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(own, JSON.stringify(identifyProcess(process.pid)), { flag: 'wx', mode: 0o600 });
  try {
    // link() fails when the name exists: the file appears whole, with its holder in it, or not at all.
    while (!tryLink(own, path)) {
      const holder = readHolder(path);
      if (holder !== 'gone' && (holder === undefined || !isAlive(holder))) breakStaleLock(path, own);
      else if (performance.now() > end) {
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
  } finally {
    unlinkSync(own);
  }
}

function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): ProcessIdentity | undefined | 'gone' {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTicks' in value)) return undefined;
    if (typeof value.pid !== 'number' || typeof value.startTicks !== 'string') return undefined;
    return { pid: value.pid, startTicks: value.startTicks };
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? 'gone' : undefined;
  }
}

/** Takes the dead holder's file away by rename, so that of two breakers only one can succeed, and looks again before it is dropped. */
function breakStaleLock(path: string, own: string): void {
  const aside = `${own}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const holder = readHolder(aside);
  if (holder !== undefined && holder !== 'gone' && isAlive(holder)) tryLink(aside, path);
  unlinkSync(aside);
  sweepDeadWaiters(path);
}

/** Takes away the files under which killed processes waited for this lock, or had it. */
function sweepDeadWaiters(path: string): void {
  const directory = dirname(path);
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${basename(path)}.`) || name.endsWith('.stale')) continue;
    const file = join(directory, name);
    const owner = readHolder(file);
    if (owner !== undefined && owner !== 'gone' && !isAlive(owner)) unlinkIfThere(file);
  }
}

/** Another sweeper may have been faster. */
function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
