// What lies in a directory that files are to be written to: looked at one by one, so that it costs by what shall be written.
import { closeSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { systemErrorCode } from '../platform/errors.ts';
import { identify } from './apply-steps.ts';
import { nameOf, parentOf, type BytePath } from './byte-path.ts';
import {
  isGone,
  openFileAt,
  readLinkAt,
  statAt,
  withDirectoryBelow,
  type DirectoryHandle,
} from './directory-handle.ts';
import { nameFile } from './loose-object.ts';
import type { ObjectFormat } from './project.ts';
import type { TreeSide } from './tree-diff.ts';

export type Present =
  | { kind: 'nothing' }
  /** `seen` tells it from any later file, see identify. */
  | { kind: 'file'; side: TreeSide; seen: string }
  | { kind: 'directory' }
  /** A pipe, a socket, a device, or what cannot be read. */
  | { kind: 'other'; seen: string };

/** No link is followed: what lies behind one is not there. */
export function lookAtTarget(root: DirectoryHandle, path: BytePath, format: ObjectFormat): Present {
  try {
    return withDirectoryBelow(root, parentOf(path), (parent) => lookAtEntry(parent, nameOf(path), format));
  } catch (error) {
    if (isGone(error)) return { kind: 'nothing' };
    throw error;
  }
}

function lookAtEntry(parent: DirectoryHandle, name: BytePath, format: ObjectFormat): Present {
  const stat = statAt(parent, name);
  if (stat === undefined) return { kind: 'nothing' };
  if (stat.isDirectory()) return { kind: 'directory' };
  const seen = identify(stat);
  if (stat.isSymbolicLink()) {
    const target = readLinkAt(parent, name);
    const oid = createHash(format).update(`blob ${target.length}\0`).update(target).digest('hex');
    return { kind: 'file', side: { mode: '120000', oid }, seen };
  }
  if (!stat.isFile()) return { kind: 'other', seen };
  try {
    const { fd, stat: opened } = openFileAt(parent, name);
    try {
      const oid = nameFile(format, fd, Number(opened.size));
      if (oid === undefined) return { kind: 'other', seen };
      const mode = (opened.mode & 0o100n) === 0n ? '100644' : '100755';
      return { kind: 'file', side: { mode, oid }, seen: identify(opened) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'EACCES') return { kind: 'other', seen };
    throw error;
  }
}
