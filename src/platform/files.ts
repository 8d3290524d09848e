// Files that survive a crash, and the only delete in the code base.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { IronError, systemErrorCode } from './errors.ts';

export interface AtomicWriteOptions {
  /** Default 0600. */
  mode?: number | undefined;
  /** Survives a power failure, not only the death of this process: costs milliseconds. Default true. */
  synced?: boolean | undefined;
}

/** Writes `data` to `path` so that a reader sees the old bytes or the new ones, never a mixture. */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o600, synced = true }: AtomicWriteOptions = {},
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const fd = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  );
  try {
    try {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written);
      if (synced) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The text of a file, or undefined where there is none. */
export function readTextIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a directory and its missing parents. Not node's own way, which never ends where a file system refuses by ENOENT. */
export function makeDirectory(path: string, mode = 0o700): void {
  try {
    makeOneDirectory(path, mode);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectory(dirname(path), mode);
    makeOneDirectory(path, mode);
  }
}

function makeOneDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST' || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw error;
  }
}

/** Names of what is in a directory; none where there is no directory. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

export function pathExists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** `path` with the links resolved of as much of it as exists. */
export function realPathSoFar(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return join(realPathSoFar(dirname(path)), basename(path));
  }
}

/** Whether `path` is `directory` or lies below it; both absolute, compared as text. */
export function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/**
 * Deletes `path` and all below it. Refuses anything that is not strictly below `root` once links in the
 * parents are resolved; a link at `path` itself is unlinked, never followed.
 */
export function removeTree(path: string, root: string): void {
  const absolute = resolve(path);
  if (!pathExists(absolute)) return;
  removeReal(insideRoot(absolute, root));
}

/** Where `absolute` lies once links in its parents are resolved. Throws E_OUTSIDE_ROOT. */
function insideRoot(absolute: string, root: string): string {
  const real = join(realpathSync(dirname(absolute)), basename(absolute));
  const realRoot = realpathSync(root);
  if (real === realRoot || !isInside(real, realRoot)) {
    throw new IronError('E_OUTSIDE_ROOT', {
      message: `refused to delete ${absolute}`,
      because: `it is not inside ${realRoot}`,
      hint: 'this is a protection; if the path is really ironcage’s, move it back below the data root',
    });
  }
  return real;
}

function removeReal(real: string | Buffer): void {
  try {
    rmSync(real, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (systemErrorCode(error) !== 'EACCES' && systemErrorCode(error) !== 'EPERM') throw error;
    // The kernel makes an overlay's work directory with mode 000, and a cage may take its own rights away.
    openDirectories(real);
    rmSync(real, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Gives the owner every right on all directories below `path`; links are not followed. */
function openDirectories(path: string | Buffer): void {
  if (!lstatSync(path).isDirectory()) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
    if (entry.isDirectory()) openDirectories(Buffer.concat([Buffer.from(path), Buffer.from(sep), entry.name]));
  }
}

/** Deletes everything in a directory of `root`, and keeps the directory. */
export function emptyDirectory(path: string, root: string): void {
  empty(Buffer.from(dirname(insideRoot(join(resolve(path), 'entry'), root))));
}

/** By plain calls: Node's own removal takes twenty times as long to find out what it has before it. */
function empty(directory: Buffer): void {
  // Names are bytes: not all of a cage's are text.
  for (const entry of readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })) {
    const below = Buffer.concat([directory, Buffer.from(sep), entry.name]);
    if (!entry.isDirectory()) unlinkIfThere(below);
    else if (!isRemovedPlainly(below)) removeReal(below);
  }
}

function isRemovedPlainly(directory: Buffer): boolean {
  try {
    empty(directory);
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}

function unlinkIfThere(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
