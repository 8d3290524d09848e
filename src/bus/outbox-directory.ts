// The outbox as the host sees it: a directory in which somebody hostile puts whatever they like, at any moment. Nothing in it is
// followed, waited for, read beyond a bound, or believed; a file is looked at once and then gone.
import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { open, opendir, type FileHandle } from 'node:fs/promises';
import { MAX_MESSAGE_BYTES } from '../guest/message-types.mjs';
import { systemErrorCode } from '../platform/errors.ts';
import { entryOf, openInner } from '../platform/open-below.ts';

/** Of one look; what is beyond comes with the next one, once these are gone. */
const MAX_NAMES = 20_000;
const MESSAGE_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,200}\.json$/;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP'];

export interface Outbox {
  directory: FileHandle;
  /** Files that should be messages, in the order in which they were numbered. */
  names: readonly string[];
  /** Other names, but for those that begin with a dot: what is being written has one. */
  foreign: readonly string[];
}

/** Undefined where there is none, or something else in its place. The caller closes the directory. */
export async function openOutbox(bus: string): Promise<Outbox | undefined> {
  const directory = await openBusDirectory(bus, 'outbox');
  if (directory === undefined) return undefined;
  try {
    const names: string[] = [];
    const foreign: string[] = [];
    for await (const { name } of await opendir(entryOf(directory, '.'))) {
      if (names.length + foreign.length >= MAX_NAMES) break;
      if (name.startsWith('.')) continue;
      (MESSAGE_NAME.test(name) ? names : foreign).push(name);
    }
    return { directory, names: names.sort(), foreign: foreign.sort() };
  } catch (error) {
    await directory.close();
    throw error;
  }
}

/** Opens a directory of the bus without following a link; undefined where there is none. */
export async function openBusDirectory(bus: string, name: string): Promise<FileHandle | undefined> {
  try {
    const parent = await open(bus, DIRECTORY);
    try {
      return await openInner(parent, name);
    } finally {
      await parent.close();
    }
  } catch (error) {
    if (GONE.includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

export type OutboxFile =
  | {
      kind: 'bytes';
      bytes: Buffer;
      /** By the kernel’s clock: the last change of the file or of its name. */ changedMs: number;
    }
  | { kind: 'gone' }
  | { kind: 'unfit'; reason: string };

/** Not asynchronous, like the next one: of thousands of small files each would wait for several turns of the loop. */
export function readOutboxFile({ directory }: Outbox, name: string): OutboxFile {
  let fd: number;
  try {
    // Without waiting: a pipe would keep who opens it until somebody writes.
    fd = openSync(entryOf(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (code === 'ENOENT') return { kind: 'gone' };
    if (code === 'ELOOP') return { kind: 'unfit', reason: 'it is a link' };
    if (code === 'ENXIO') return { kind: 'unfit', reason: 'it is no file' };
    if (code === 'EAGAIN') return { kind: 'unfit', reason: 'somebody inside holds a lease on it' };
    if (code === 'EACCES' || code === 'EPERM') return { kind: 'unfit', reason: 'it cannot be read' };
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { kind: 'unfit', reason: 'it is no file' };
    if (stat.size > MAX_MESSAGE_BYTES) return { kind: 'unfit', reason: TOO_BIG };
    // It may grow meanwhile.
    const buffer = Buffer.alloc(stat.size + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(fd, buffer, length, buffer.length - length, length);
      if (count === 0) break;
      length += count;
    }
    if (length > MAX_MESSAGE_BYTES) return { kind: 'unfit', reason: TOO_BIG };
    return { kind: 'bytes', bytes: buffer.subarray(0, length), changedMs: stat.ctimeMs };
  } finally {
    closeSync(fd);
  }
}

const TOO_BIG = `it is larger than ${MAX_MESSAGE_BYTES} bytes`;

/** Takes a file out of the outbox; false where that cannot be done, as with a directory. */
export function dropOutboxFile({ directory }: Outbox, name: string): boolean {
  try {
    unlinkSync(entryOf(directory, name));
    return true;
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (code === 'ENOENT') return true;
    if (['EISDIR', 'EPERM', 'EACCES', 'ENOTDIR'].includes(code)) return false;
    throw error;
  }
}
