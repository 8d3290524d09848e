// Access to a directory that somebody hostile may be changing at this moment. Every step starts at an open directory and names
// one entry of it, never following a link, so that no swap can lead anywhere else. Linux only: `/proc/self/fd` stands in for
// the *at() calls that Node lacks.
import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { bytePath, pathBytes, toText, type BytePath } from './byte-path.ts';

/** An open directory; whoever opened it closes it with closeSync. */
export type DirectoryHandle = number;

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_CLOEXEC } = { O_CLOEXEC: 0, ...constants };
const MAX_NAMES = 1_000_000;

const ASCII = /^[ -~]*$/;

/** The path that reaches `name` in the open directory, for a call that does not follow its last component. */
export function entryPath(directory: DirectoryHandle, name: BytePath): string | Buffer {
  // Most names are text, and text costs less to make.
  if (ASCII.test(name)) return `/proc/self/fd/${directory}/${name}`;
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), pathBytes(name)]);
}

export function openDirectory(path: string | Buffer): DirectoryHandle {
  return openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

export function openDirectoryAt(directory: DirectoryHandle, name: BytePath): DirectoryHandle {
  return openDirectory(entryPath(directory, name));
}

/** Runs `work` with the directory at `path` below `root`, each component opened without following links. */
export function withDirectoryBelow<T>(root: DirectoryHandle, path: BytePath, work: (handle: DirectoryHandle) => T): T {
  let handle = openSync(`/proc/self/fd/${root}`, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  try {
    for (const name of path === '' ? [] : path.split('/')) {
      const next = openDirectoryAt(handle, name);
      closeSync(handle);
      handle = next;
    }
    return work(handle);
  } finally {
    closeSync(handle);
  }
}

/** Names in the directory, in byte order. Bounded, so that a flood of names costs an error and not the memory. */
export function listNames(directory: DirectoryHandle): BytePath[] {
  const names: BytePath[] = [];
  const stream = opendirSync(`/proc/self/fd/${directory}`, { encoding: 'latin1', bufferSize: 512 });
  try {
    for (let entry = stream.readSync(); entry !== null; entry = stream.readSync()) {
      names.push(entry.name);
      if (names.length > MAX_NAMES) {
        throw new IronError('E_WORKSPACE', {
          message: `a directory in the cage holds more than ${MAX_NAMES} entries`,
          hint: 'look into it with `ironcage shell` and delete what is not wanted',
        });
      }
    }
  } finally {
    stream.closeSync();
  }
  return names.sort();
}

/** What the entry is, or undefined when it is gone. */
export function statAt(directory: DirectoryHandle, name: BytePath): BigIntStats | undefined {
  try {
    return lstatSync(entryPath(directory, name), { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

export function readLinkAt(directory: DirectoryHandle, name: BytePath): Buffer {
  return readlinkSync(entryPath(directory, name), { encoding: 'buffer' });
}

/** Opens a regular file for reading; throws when it has become anything else. Never blocks on a pipe. */
export function openFileAt(directory: DirectoryHandle, name: BytePath): { fd: number; stat: BigIntStats } {
  const fd = openSync(entryPath(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw changedWhileReading(name);
    return { fd, stat };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

export function changedWhileReading(path: BytePath): IronError {
  return new IronError('E_WORKSPACE', {
    message: `a file keeps changing while it is read: ${toText(bytePath(pathBytes(path)))}`,
    hint: 'wait until the agent has finished, or stop the cage, then run the command again',
  });
}

/** Whether an error means that the entry vanished, or stopped being what it was a moment ago. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemErrorCode(error) ?? '');
}
