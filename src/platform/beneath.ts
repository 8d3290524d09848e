// Writing below a directory that somebody hostile may have filled: no component is followed when it is a link.
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { systemErrorCode } from './errors.ts';

export interface Owner {
  uid: number;
  gid: number;
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Creates the file `relative` (slashes, no dot segments) below `root` and its missing parents. An entry that is there
 * already is left alone and false is returned; a link among the parents is an error.
 */
export function createFileBeneath(
  root: string,
  relative: string,
  data: string,
  mode: number,
  owner: Owner | undefined,
): boolean {
  const [names, last] = partsOf(relative);
  const directory = makeDirectoryBeneath(root, names, owner);
  try {
    return createHere(`/proc/self/fd/${directory}/${last}`, data, mode, owner);
  } finally {
    closeSync(directory);
  }
}

function partsOf(relative: string): [parents: readonly string[], last: string] {
  const names = relative.split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    throw new Error(`not a plain relative path: ${relative}`);
  return [names.slice(0, -1), names.at(-1) ?? ''];
}

/** The descriptor of a directory below `root`, made with its parents where it is missing. The caller closes it. */
function makeDirectoryBeneath(root: string, names: readonly string[], owner: Owner | undefined): number {
  let directory = openSync(root, DIRECTORY);
  try {
    for (const name of names) {
      // Linux resolves this to the directory that is open, whatever its path has become.
      const child = `/proc/self/fd/${directory}/${name}`;
      const made = makeIfMissing(child);
      const next = openSync(child, DIRECTORY);
      closeSync(directory);
      directory = next;
      if (made && owner !== undefined) fchownSync(directory, owner.uid, owner.gid);
    }
    return directory;
  } catch (error) {
    closeSync(directory);
    throw error;
  }
}

function makeIfMissing(path: string): boolean {
  try {
    mkdirSync(path, 0o755);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function createHere(path: string, data: string | Buffer, mode: number, owner: Owner | undefined): boolean {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeFileSync(fd, data);
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    return true;
  } finally {
    closeSync(fd);
  }
}

/**
 * Gives the file `relative` below `root` other contents, one character per byte; false where it stays as it is. What is not there, is a
 * link or no file, has more than `maxBytes` or cannot be written stays.
 */
export function rewriteFileBeneath(
  root: string,
  relative: string,
  maxBytes: number,
  change: (text: string) => string,
): boolean {
  let fd: number;
  try {
    fd = openBeneath(root, relative);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EISDIR', 'ENXIO', 'EAGAIN'].includes(systemErrorCode(error) ?? ''))
      return false;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > maxBytes) return false;
    const before = readFileSync(fd, 'latin1');
    const after = change(before);
    if (after === before) return false;
    ftruncateSync(fd);
    const bytes = Buffer.from(after, 'latin1');
    for (let written = 0; written < bytes.length;)
      written += writeSync(fd, bytes, written, bytes.length - written, written);
    return true;
  } finally {
    closeSync(fd);
  }
}

export interface FileChange {
  maxBytes: number;
  owner: Owner | undefined;
  /** One character per byte; undefined: there is no such file, or there is to be none. */
  change: (before: string | undefined) => string | undefined;
}

/**
 * Puts a changed file `relative` below `root` in the place of the one that is there, or makes it, in one step: whoever reads it
 * meanwhile has the one or the other whole. False where that cannot be: a link, no file, more than `maxBytes`, nothing to write to.
 */
export function changeFileBeneath(root: string, relative: string, { maxBytes, owner, change }: FileChange): boolean {
  const [names, last] = partsOf(relative);
  let directory: number;
  try {
    directory = makeDirectoryBeneath(root, names, owner);
  } catch (error) {
    if (isInTheWay(error)) return false;
    throw error;
  }
  const path = `/proc/self/fd/${directory}/${last}`;
  const unfinished = `/proc/self/fd/${directory}/.${last}.new`;
  try {
    const there = readHere(path, maxBytes);
    const after = change(there?.text);
    if (after === undefined || after === there?.text) return true;
    // Of one that was killed.
    rmSync(unfinished, { force: true });
    if (!createHere(unfinished, Buffer.from(after, 'latin1'), there?.mode ?? 0o600, owner)) return false;
    renameSync(unfinished, path);
    return true;
  } catch (error) {
    if (isInTheWay(error)) return false;
    throw error;
  } finally {
    closeSync(directory);
  }
}

/** Undefined where there is nothing; throws for what is no such file. */
function readHere(path: string, maxBytes: number): { text: string; mode: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > maxBytes) throw Object.assign(new Error('not to be read'), { code: 'ENXIO' });
    const bytes = Buffer.alloc(stat.size);
    return { text: bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)), mode: stat.mode & 0o777 };
  } finally {
    closeSync(fd);
  }
}

/** What somebody inside can have put there, or taken away meanwhile. */
function isInTheWay(error: unknown): boolean {
  const codes = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM', 'EISDIR', 'ERR_FS_EISDIR', 'EEXIST', 'ENXIO'];
  return codes.includes(systemErrorCode(error) ?? '');
}

/** The descriptor of a directory below `root`; a link on the way, or at its end, is an error. The caller closes it. */
export function openDirectoryBeneath(root: string, relative: string): number {
  let directory = openSync(root, DIRECTORY);
  try {
    for (const name of relative.split('/')) {
      const next = openSync(`/proc/self/fd/${directory}/${name}`, DIRECTORY);
      closeSync(directory);
      directory = next;
    }
    return directory;
  } catch (error) {
    closeSync(directory);
    throw error;
  }
}

function openBeneath(root: string, relative: string): number {
  const slash = relative.lastIndexOf('/');
  const directory = slash < 0 ? openSync(root, DIRECTORY) : openDirectoryBeneath(root, relative.slice(0, slash));
  try {
    return openSync(
      `/proc/self/fd/${directory}/${relative.slice(slash + 1)}`,
      constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } finally {
    closeSync(directory);
  }
}
