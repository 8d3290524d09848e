// One writer at a time for a log, whichever process namespace it lives in: process numbers mean nothing across those, so what
// is held is a socket that somebody listens on. The kernel closes it with its owner, however that ends. No links: an egress
// may not make any.
import { randomBytes } from 'node:crypto';
import { lstatSync, renameSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { timeLimit } from '../platform/patience.ts';
import { openSocketPath } from '../platform/socket-path.ts';
import { LOCK_FILE } from './log-names.ts';

/** An egress that is ending needs a moment to write its last records. */
const WAIT_MS = 5000;
const POLL_MS = 20;

/** Resolves to what releases the lock. Throws E_LOCKED when another writer keeps it. */
export async function lockLog(directory: string, waitMs = WAIT_MS): Promise<() => void> {
  const lock = join(directory, LOCK_FILE);
  const isOver = timeLimit(waitMs);
  for (;;) {
    const release = await bindAt(lock);
    if (release !== undefined) return release;
    if (!(await isHeld(lock))) await breakStale(lock);
    else if (isOver()) throw lockedError();
    else await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Undefined when something has the name already. */
async function bindAt(lock: string): Promise<(() => void) | undefined> {
  const { path, release } = openSocketPath(lock);
  const server: Server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch (error) {
    release();
    if (systemErrorCode(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return () => {
    // Closing takes the name away, by the same path.
    server.close(release);
  };
}

function isHeld(lock: string): Promise<boolean> {
  const { path, release } = openSocketPath(lock);
  return new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = systemErrorCode(error);
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  }).finally(release);
}

/** Takes the dead holder's socket away by rename, so that of two breakers only one can succeed, and looks again before it is dropped. */
async function breakStale(lock: string): Promise<void> {
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const isAlive = await isHeld(aside);
  if (isAlive && lstatSync(lock, { throwIfNoEntry: false }) === undefined) renameSync(aside, lock);
  else unlinkSync(aside);
}

function lockedError(): IronError {
  return new IronError('E_LOCKED', {
    message: 'the audit log of this cage is written by another egress',
    hint: 'stop the cage with `ironcage stop`, then start it again',
  });
}
