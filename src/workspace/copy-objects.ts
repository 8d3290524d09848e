// A copy of the objects in a cage's repository, taken while the cage may run: every step starts at an open directory, so that no
// directory that becomes a link, and no file that becomes a pipe, leads anywhere or holds anybody up. Takes what git calls an object or
// a pack, and nothing else.
import { closeSync, constants, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import {
  isGone,
  listNames,
  openDirectory,
  openDirectoryAt,
  openFileAt,
  statAt,
  type DirectoryHandle,
} from './directory-handle.ts';

const FAN_OUT = /^[0-9a-f]{2}$/;
const LOOSE = /^(?:[0-9a-f]{38}|[0-9a-f]{62})$/;
const PACK = /^pack-(?:[0-9a-f]{40}|[0-9a-f]{64})\.(?:pack|idx)$/;

/** A file with holes is no pack of git's: it could claim more than any disk has. */
const MOST_HOLES = 64n * 2n ** 20n;
const BLOCK_BYTES = 512n;

/** `target` is made. Throws E_WORKSPACE. */
export function copyObjects(source: string, target: string): void {
  mkdirSync(target, { mode: 0o700 });
  const top = openDirectory(source);
  try {
    for (const name of listNames(top)) {
      const wanted = FAN_OUT.test(name) ? LOOSE : name === 'pack' ? PACK : undefined;
      if (wanted !== undefined) copyFiles(top, name, wanted, join(target, name));
    }
  } finally {
    closeSync(top);
  }
}

function copyFiles(top: DirectoryHandle, name: string, wanted: RegExp, target: string): void {
  const directory = unlessGone(() => openDirectoryAt(top, name));
  if (directory === undefined) return;
  try {
    mkdirSync(target, { mode: 0o700 });
    for (const file of listNames(directory)) {
      if (wanted.test(file)) copyFile(directory, file, join(target, file));
    }
  } finally {
    closeSync(directory);
  }
}

function copyFile(directory: DirectoryHandle, name: string, target: string): void {
  if (statAt(directory, name)?.isFile() !== true) return;
  const opened = unlessGone(() => openFileAt(directory, name));
  if (opened === undefined) return;
  const { fd, stat } = opened;
  try {
    if (stat.size - stat.blocks * BLOCK_BYTES > MOST_HOLES) {
      throw new IronError('E_WORKSPACE', {
        message: `${name} of the cage’s repository claims to be larger than it is`,
        hint: 'look into it with `ironcage shell`; git writes no such file',
      });
    }
    // No path of the cage's: what was opened.
    copyFileSync(`/proc/self/fd/${fd}`, target, constants.COPYFILE_FICLONE);
  } finally {
    closeSync(fd);
  }
}

/** A cage that works on may pack its objects meanwhile. */
function unlessGone<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
