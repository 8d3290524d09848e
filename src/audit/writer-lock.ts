// One writer at a time for a log, whichever process namespace it lives in: process numbers mean nothing across those, so what
// is held is a socket that somebody listens on. The kernel closes it with its owner, however that ends.
import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { openSocketPath } from '../platform/socket-path.ts';
import { LOCK_FILE } from './log-names.ts';

/** An egress that is ending needs a moment to write its last records. */
const WAIT_MS = 5000;
const POLL_MS = 20;

/** Resolves to what releases the lock. Throws E_LOCKED when another writer keeps it. */
export async function lockLog(directory: string, waitMs = WAIT_MS): Promise<() => void> {
  const lock = join(directory, LOCK_FILE);
  // Made under a name of its own and then linked: of two that start at once, one link succeeds.
  const own = `${lock}.${randomBytes(6).toString('hex')}`;
  const server = await listenAt(own);
  try {
    const end = performance.now() + waitMs;
    while (!isLinked(own, lock)) {
      if (!(await isHeld(lock))) await breakStale(lock);
      else if (performance.now() > end) throw lockedError();
      else await new Promise((wake) => setTimeout(wake, POLL_MS));
    }
  } catch (error) {
    server.close();
    throw error;
  } finally {
    unlinkSync(own);
  }
  return () => {
    unlinkSync(lock);
    server.close();
  };
}

async function listenAt(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  const socketPath = openSocketPath(path);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath.path, resolve);
    });
  } finally {
    socketPath.release();
  }
  server.unref();
  return server;
}

function isLinked(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
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
  if (await isHeld(aside)) isLinked(aside, lock);
  unlinkSync(aside);
}

function lockedError(): IronError {
  return new IronError('E_LOCKED', {
    message: 'the audit log of this cage is written by another egress',
    hint: 'stop the cage with `ironcage stop`, then start it again',
  });
}
