// The steps by which files of the host are replaced: each verifies that the file is still the one that was looked at, goes
// through directories opened without following links, and can be undone from the former file kept beside.
import {
  closeSync,
  copyFileSync,
  linkSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
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
  statAt,
  withDirectoryBelow,
  type DirectoryHandle,
} from './directory-handle.ts';

/** File of the journal, in the workspace's directory. */
export const JOURNAL_NAME = 'apply-journal.json';

export interface Step {
  path: BytePath;
  action: 'write' | 'delete';
  /** The file that was there when the host was looked at, see `identify`; absent: there was none. */
  seen?: string | undefined;
}

/** What tells a file from a later one, or from itself after a write; links to it may come and go. */
export function identify(stat: BigIntStats): string {
  return [stat.dev, stat.ino, stat.mode, stat.size, stat.mtimeNs].join(',');
}

export interface Site {
  root: DirectoryHandle;
  staging: DirectoryHandle;
}

/** Keeps the former file of step `number`, as a second name of it where that can be had. */
export function keepFormer(site: Site, step: Step, number: number): void {
  withDirectoryBelow(site.root, parentOf(step.path), (parent) => {
    const source = entryPath(parent, nameOf(step.path));
    const target = entryPath(site.staging, `${number}.before`);
    try {
      linkSync(source, target);
    } catch (error) {
      if (!['EPERM', 'EXDEV', 'EMLINK', 'EOPNOTSUPP'].includes(systemErrorCode(error) ?? '')) throw error;
      copyFileSync(source, target, constants.COPYFILE_EXCL);
    }
  });
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
    return 'done';
  } finally {
    closeSync(parent);
  }
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
      if (step.seen !== undefined) renameSync(entryPath(site.staging, `${number}.before`), target);
      else unlinkSync(target);
    });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  removeEmptyParents(site.root, step.path);
}

/** Removes the directories above `path` that hold nothing any more. */
export function removeEmptyParents(root: DirectoryHandle, path: BytePath): void {
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
function ownAsParent(path: Buffer, parent: DirectoryHandle): void {
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
    // Another file system is mounted inside the project: make the file there first, then put it in place.
    const beside = entryPath(parent, `.ironcage-apply.${number}.tmp`);
    copyFileSync(staged, beside, constants.COPYFILE_EXCL);
    renameSync(beside, entryPath(parent, name));
    unlinkSync(staged);
  }
}
