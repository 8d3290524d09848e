// What lies in a directory that files are to be written to: looked at one by one, so that it costs by what shall be written. A file
// that is as it was at the last look is not read again.
import { closeSync, type BigIntStats } from 'node:fs';
import { createHash } from 'node:crypto';
import { systemErrorCode } from '../platform/errors.ts';
import { nameOf, parentOf, type BytePath } from './byte-path.ts';
import {
  isGone,
  openDirectory,
  openFileAt,
  readLinkAt,
  statAt,
  withDirectoryBelow,
  type DirectoryHandle,
} from './directory-handle.ts';
import { nameFile } from './loose-object.ts';
import type { ObjectFormat } from './project.ts';
import type { StatCache } from './stat-cache.ts';
import type { TreeSide } from './tree-diff.ts';

export type Present =
  | { kind: 'nothing' }
  /** `seen` tells it from any later file. */
  | { kind: 'file'; side: TreeSide; seen: BigIntStats }
  | { kind: 'directory' }
  /** A pipe, a socket, a device, or what cannot be read. */
  | { kind: 'other'; seen: BigIntStats };

/** Closed by whoever opened it. */
export interface TargetFiles {
  /** No link is followed: what lies behind one is not there. Costs least in the order of the paths. */
  lookAt(path: BytePath): Present;
  close(): void;
}

/** `cache`: of earlier looks at this very directory. */
export function openTarget(root: string, format: ObjectFormat, cache?: StatCache): TargetFiles {
  const top = openDirectory(root);
  let parent: { path: BytePath; handle: DirectoryHandle | undefined } | undefined;
  const leave = (): void => {
    if (parent?.handle !== undefined) closeSync(parent.handle);
    parent = undefined;
  };
  return {
    lookAt(path) {
      if (parent?.path !== parentOf(path)) {
        leave();
        parent = { path: parentOf(path), handle: openBelow(top, parentOf(path)) };
      }
      if (parent.handle === undefined) return { kind: 'nothing' };
      try {
        return lookAtEntry(parent.handle, path, format, cache);
      } catch (error) {
        if (isGone(error)) return { kind: 'nothing' };
        throw error;
      }
    },
    close() {
      leave();
      closeSync(top);
    },
  };
}

/** Undefined where some part of the path is no directory. */
function openBelow(root: DirectoryHandle, path: BytePath): DirectoryHandle | undefined {
  try {
    return withDirectoryBelow(root, path, (handle) => openDirectory(`/proc/self/fd/${handle}/.`));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function lookAtEntry(parent: DirectoryHandle, path: BytePath, format: ObjectFormat, cache?: StatCache): Present {
  const name = nameOf(path);
  const stat = statAt(parent, name);
  if (stat === undefined) return { kind: 'nothing' };
  if (stat.isDirectory()) return { kind: 'directory' };
  if (stat.isSymbolicLink()) {
    const target = readLinkAt(parent, name);
    const oid = createHash(format).update(`blob ${target.length}\0`).update(target).digest('hex');
    return { kind: 'file', side: { mode: '120000', oid }, seen: stat };
  }
  if (!stat.isFile()) return { kind: 'other', seen: stat };
  const known = cache?.lookUp(path, stat);
  if (known !== undefined) return { kind: 'file', side: { mode: modeOf(stat), oid: known }, seen: stat };
  try {
    const { fd, stat: opened } = openFileAt(parent, name);
    try {
      const oid = nameFile(format, fd, Number(opened.size));
      if (oid === undefined) return { kind: 'other', seen: stat };
      cache?.remember(path, opened, oid);
      return { kind: 'file', side: { mode: modeOf(opened), oid }, seen: opened };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'EACCES') return { kind: 'other', seen: stat };
    throw error;
  }
}

function modeOf(stat: BigIntStats): string {
  return (stat.mode & 0o100n) === 0n ? '100644' : '100755';
}
