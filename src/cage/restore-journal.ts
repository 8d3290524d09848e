// A cage that is being restored lies beside the cages under a name that is no cage's: first while it is unpacked, then, whole, for the moment
// in which it takes its place. What a crash leaves of the first is worth nothing; the second becomes the cage where there is none.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathExists, removeTree } from '../platform/files.ts';
import { linkOwnIdentity, readIdentityLink } from '../platform/identity-link.ts';
import { isAlive } from '../platform/processes.ts';
import type { Context } from './context.ts';
import { cagePaths, cagesDirectory, readCageState } from './store.ts';

const STAGE = /^\.([a-z0-9-]{1,63})\.(restoring|restored)$/;

export function stagePath(context: Context, name: string): string {
  return join(cagesDirectory(context), `.${name}.restoring`);
}

function wholePath(context: Context, name: string): string {
  return join(cagesDirectory(context), `.${name}.restored`);
}

const RESTORER = 'restorer';

/** An empty directory. While this process lives, no repair takes it away. */
export function beginStage(context: Context, name: string): string {
  const stage = stagePath(context, name);
  removeTree(stage, cagesDirectory(context));
  mkdirSync(stage, { mode: 0o700 });
  linkOwnIdentity(join(stage, RESTORER));
  return stage;
}

function isUnderWay(directory: string): boolean {
  const restorer = pathExists(directory) ? readIdentityLink(join(directory, RESTORER)) : undefined;
  return restorer !== undefined && restorer !== 'gone' && isAlive(restorer);
}

/** Gives up what this process began. */
export function giveUp(context: Context, name: string): void {
  for (const directory of [stagePath(context, name), wholePath(context, name)])
    rmSync(join(directory, RESTORER), { force: true });
  settleRestore(context, name);
}

/** From here on a crash is followed by the new cage, unless the old one is still there. */
export function announceWhole(context: Context, name: string): void {
  renameSync(stagePath(context, name), wholePath(context, name));
}

export function takePlace(context: Context, name: string): void {
  rmSync(join(wholePath(context, name), RESTORER), { force: true });
  renameSync(wholePath(context, name), cagePaths(context, name).root);
}

/** The caller holds the lock. Returns what was done, for people. */
export function settleRestore(context: Context, name: string): string[] {
  const [stage, whole] = [stagePath(context, name), wholePath(context, name)];
  const done: string[] = [];
  if (isUnderWay(stage) || isUnderWay(whole)) return done;
  if (pathExists(whole)) {
    if (pathExists(cagePaths(context, name).root)) {
      // The one that has the place is on its way out: once it is gone, this is asked again.
      if (readCageState(context, name).phase === 'removing') return done;
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
