// A backup that is being written: where its half-made file lies, from before it is made until it has its name. Whoever finds this takes
// both away; the cage itself is never changed by a backup.
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathExists, readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import type { Context } from './context.ts';
import { cagePaths } from './store.ts';

/** Ends the name of a half-made file; nothing else is ever deleted here. */
const PARTIAL = /^\..+\.[0-9a-f]{12}\.ironcage-partial$/;

function backupDirectory(context: Context, name: string): string {
  return join(cagePaths(context, name).root, 'backup.work');
}

export function isBackingUp(context: Context, name: string): boolean {
  return pathExists(backupDirectory(context, name));
}

/** `partial`: absolute path of the file that will be written. Returns a directory for what is needed meanwhile. */
export function announceBackup(context: Context, name: string, partial: string): string {
  const directory = backupDirectory(context, name);
  mkdirSync(directory, { mode: 0o700 });
  writeFileAtomic(join(directory, 'partial'), partial);
  return directory;
}

/** The caller holds the lock. */
export function endBackup(context: Context, name: string): void {
  const directory = backupDirectory(context, name);
  const partial = readTextIfPresent(join(directory, 'partial'));
  if (partial !== undefined && PARTIAL.test(basename(partial))) {
    if (lstatSync(partial, { throwIfNoEntry: false })?.isFile() === true) unlinkSync(partial);
  }
  removeTree(directory, cagePaths(context, name).root);
}
