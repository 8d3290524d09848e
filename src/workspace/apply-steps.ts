// The steps by which files are replaced: each verifies that the file is still the one that was looked at, goes through directories
// opened without following links, and can be undone from the former file kept beside. The directory may be one that a cage writes
// in at the same moment; what is staged lies where no cage can reach it, or in a directory of the host.
import {
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { constants, type BigIntStats } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { nameOf, parentOf, type BytePath } from './byte-path.ts';
import {
  entryPath,
  isGone,
  openDirectory,
  openDirectoryAt,
  openFileAt,
  readLinkAt,
  statAt,
  withDirectoryBelow,
  type DirectoryHandle,
} from './directory-handle.ts';

/** File of the journal, in the workspace's directory. */
export const JOURNAL_NAME = 'apply-journal.json';

export interface Step {
  path: BytePath;
  action: 'write' | 'delete';
  /** The file that was there when it was looked at, see `identify`; absent: there was none. */
  seen?: string | undefined;
}

/** What tells a file from a later one, or from itself after a write; links to it may come and go. */
export function identify(stat: BigIntStats): string {
  return [stat.dev, stat.ino, stat.mode, stat.size, stat.mtimeNs].join(',');
}

export interface Site {
  root: DirectoryHandle;
  /** Holds new files (`0`) and former ones (`0.before`). */
  staging: DirectoryHandle;
  /** Directories that become empty stay: in a layer of an overlay they say what is hidden below. */
  keepsEmpty: boolean;
}

/** What is there now, or undefined when nothing is, or some directory above it is none. */
export function lookAt(root: DirectoryHandle, path: BytePath): BigIntStats | undefined {
  try {
    return withDirectoryBelow(root, parentOf(path), (parent) => statAt(parent, nameOf(path)));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Keeps the former file of step `number`, as a second name of it where that can be had. */
export function keepFormer(site: Site, step: Step, number: number): void {
  withDirectoryBelow(site.root, parentOf(step.path), (parent) => {
    const name = nameOf(step.path);
    const target = entryPath(site.staging, `${number}.before`);
    try {
      linkSync(entryPath(parent, name), target);
    } catch (error) {
      if (!['EPERM', 'EXDEV', 'EMLINK', 'EOPNOTSUPP'].includes(systemErrorCode(error) ?? '')) throw error;
      copyEntry(parent, name, target);
    }
  });
}

/** A second file or link like that entry; nothing is followed, and what is neither is refused. */
function copyEntry(from: DirectoryHandle, name: BytePath, target: string | Buffer): void {
  const stat = statAt(from, name);
  if (stat?.isSymbolicLink() === true) {
    symlinkSync(readLinkAt(from, name), target);
    if (process.geteuid?.() === 0) lchownSync(target, Number(stat.uid), Number(stat.gid));
    return;
  }
  const opened = openFileAt(from, name);
  try {
    // What was opened, and no path that could have come to lead elsewhere.
    copyFileSync(`/proc/self/fd/${opened.fd}`, target, constants.COPYFILE_EXCL);
    if (process.geteuid?.() === 0) lchownSync(target, Number(opened.stat.uid), Number(opened.stat.gid));
  } finally {
    closeSync(opened.fd);
  }
}

/** A file that takes the place of another keeps its owner and its permissions, but for what the change says about running it. */
export function takeOver(site: Site, step: Step, number: number): void {
  const before = lookAt(site.root, step.path);
  const after = statAt(site.staging, `${number}`);
  if (before === undefined || after === undefined) return;
  const staged = entryPath(site.staging, `${number}`);
  if (process.geteuid?.() === 0) lchownSync(staged, Number(before.uid), Number(before.gid));
  if (!before.isFile() || !after.isFile()) return;
  const read = Number(before.mode) & 0o666;
  chmodSync(staged, (after.mode & 0o100n) === 0n ? read : read | ((read & 0o444) >> 2));
}

/** `done` (now or before), or `changed`: the host's file is not the one that was looked at, and was left alone. */
export function commitStep(site: Site, step: Step, number: number): 'done' | 'changed' {
  const staged = statAt(site.staging, `${number}`);
  if (step.action === 'write' && staged === undefined) return 'done';
  const parent = openParent(site.root, step);
  if (parent === undefined) return step.action === 'delete' ? 'done' : 'changed';
  try {
    const name = nameOf(step.path);
    const present = statAt(parent, name);
    if (step.action === 'delete' && present === undefined) return 'done';
    if (!isAsSeen(step, present)) return 'changed';
    if (step.action === 'delete') unlinkSync(entryPath(parent, name));
    else {
      if (present?.isDirectory() === true) rmdirSync(entryPath(parent, name));
      moveInto(site, number, parent, name);
    }
  } catch (error) {
    // Whoever writes there as well has made something else of it a moment ago.
    if (isGone(error) || ['EEXIST', 'EISDIR', 'ENOTEMPTY'].includes(systemErrorCode(error) ?? '')) return 'changed';
    throw error;
  } finally {
    closeSync(parent);
  }
  if (step.action === 'delete') removeEmptyParents(site, step.path);
  return 'done';
}

function isAsSeen(step: Step, present: BigIntStats | undefined): boolean {
  if (step.seen !== undefined) return present !== undefined && identify(present) === step.seen;
  // An empty directory in the way of a file is removed; one that is not empty makes that fail.
  return present === undefined || present.isDirectory();
}

/** Puts things back as they were before this step; safe to call for a step that was never taken. */
export function undoStep(site: Site, step: Step, number: number): void {
  const staged = statAt(site.staging, `${number}`);
  if (step.action === 'write' && staged !== undefined) return;
  try {
    withDirectoryBelow(site.root, parentOf(step.path), (parent) => {
      const target = entryPath(parent, nameOf(step.path));
      if (step.seen === undefined) unlinkSync(target);
      else {
        const name = `${number}.before`;
        try {
          renameSync(entryPath(site.staging, name), target);
        } catch (error) {
          if (systemErrorCode(error) !== 'EXDEV') throw error;
          moveAcross(site.staging, name, parent, nameOf(step.path));
        }
      }
    });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  removeEmptyParents(site, step.path);
}

/** Removes the directories above `path` that hold nothing any more. */
function removeEmptyParents({ root, keepsEmpty }: Site, path: BytePath): void {
  if (keepsEmpty) return;
  for (let directory = parentOf(path); directory !== ''; directory = parentOf(directory)) {
    try {
      withDirectoryBelow(root, parentOf(directory), (parent) => rmdirSync(entryPath(parent, nameOf(directory))));
    } catch (error) {
      if (isGone(error)) continue;
      if (['ENOTEMPTY', 'EEXIST', 'EBUSY', 'EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '')) return;
      throw error;
    }
  }
}

/** Opens the directory of a step's path; for a write it is made where it is missing. Undefined: something else is there. */
function openParent(root: DirectoryHandle, step: Step): DirectoryHandle | undefined {
  let handle = openDirectory(`/proc/self/fd/${root}/.`);
  try {
    for (const name of parentOf(step.path).split('/')) {
      if (name === '') continue;
      const next = openOrMake(handle, name, step.action === 'write');
      closeSync(handle);
      handle = next;
    }
    return handle;
  } catch (error) {
    closeSync(handle);
    if (isGone(error)) return undefined;
    throw error;
  }
}

function openOrMake(parent: DirectoryHandle, name: BytePath, make: boolean): DirectoryHandle {
  try {
    return openDirectoryAt(parent, name);
  } catch (error) {
    if (!make || systemErrorCode(error) !== 'ENOENT') throw error;
  }
  const path = entryPath(parent, name);
  mkdirSync(path, { mode: 0o755 });
  ownAsParent(path, parent);
  return openDirectoryAt(parent, name);
}

/** What root makes in a user's project belongs to that user. */
function ownAsParent(path: string | Buffer, parent: DirectoryHandle): void {
  if (process.geteuid?.() !== 0) return;
  const owner = lstatSync(`/proc/self/fd/${parent}/.`);
  lchownSync(path, owner.uid, owner.gid);
}

function moveInto(site: Site, number: number, parent: DirectoryHandle, name: BytePath): void {
  const staged = entryPath(site.staging, `${number}`);
  if (statAt(site.staging, `${number}.before`) === undefined) ownAsParent(staged, parent);
  try {
    renameSync(staged, entryPath(parent, name));
  } catch (error) {
    if (systemErrorCode(error) !== 'EXDEV') throw error;
    moveAcross(site.staging, `${number}`, parent, name);
  }
}

/** To another file system: the file is made there first, and then put in place. */
function moveAcross(from: DirectoryHandle, fromName: BytePath, parent: DirectoryHandle, name: BytePath): void {
  const besideName = `.ironcage-apply.${fromName}.tmp`;
  const beside = entryPath(parent, besideName);
  if (statAt(parent, besideName) !== undefined) unlinkSync(beside);
  copyEntry(from, fromName, beside);
  renameSync(beside, entryPath(parent, name));
  unlinkSync(entryPath(from, fromName));
}
