// A cage that is being restored lies beside the cages under a name that is no cage's: first while it is unpacked, then, whole, for the moment
// in which it takes its place. What a crash leaves of the first is worth nothing; the second becomes the cage where there is none.
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pathExists, removeTree } from '../platform/files.ts';
import type { Context } from './context.ts';
import { cagePaths, cagesDirectory } from './store.ts';

const STAGE = /^\.([a-z0-9-]{1,63})\.(restoring|restored)$/;

export function stagePath(context: Context, name: string): string {
  return join(cagesDirectory(context), `.${name}.restoring`);
}

function wholePath(context: Context, name: string): string {
  return join(cagesDirectory(context), `.${name}.restored`);
}

/** From here on a crash is followed by the new cage, unless the old one is still there. */
export function announceWhole(context: Context, name: string): void {
  renameSync(stagePath(context, name), wholePath(context, name));
}

export function takePlace(context: Context, name: string): void {
  renameSync(wholePath(context, name), cagePaths(context, name).root);
}

/** The caller holds the lock. Returns what was done, for people. */
export function settleRestore(context: Context, name: string): string[] {
  const [stage, whole] = [stagePath(context, name), wholePath(context, name)];
  const done: string[] = [];
  if (pathExists(whole)) {
    if (pathExists(cagePaths(context, name).root)) {
      removeTree(whole, cagesDirectory(context));
      done.push(`an interrupted restore of ${name} was undone: it is as it was before`);
    } else {
      takePlace(context, name);
      done.push(`an interrupted restore of ${name} was finished`);
    }
  }
  if (pathExists(stage)) {
    removeTree(stage, cagesDirectory(context));
    done.push(`took away what a restore of ${name} had unpacked`);
  }
  return done;
}

/** Names of cages whose restore was cut off, or is under way. */
export function restoresUnderWay(context: Context): string[] {
  if (!pathExists(cagesDirectory(context))) return [];
  const names = readdirSync(cagesDirectory(context)).flatMap((entry) => STAGE.exec(entry)?.[1] ?? []);
  return [...new Set(names)];
}
