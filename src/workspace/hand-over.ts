// Brings objects of ours, or of a cage, into the project's repository: as one pack that git has checked, object by object and link
// by link. Never touches a ref, the index or the work tree; runs no hook.
import { chmodSync, copyFileSync, lchownSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isInside, pathExists, removeTree } from '../platform/files.ts';
import type { BaseStore } from './base-store.ts';
import { git } from './git.ts';
import type { Repository } from './project.ts';

export interface HandOver {
  /** Names of objects, with all that they need. */
  include: readonly string[];
  /** Commits that the project has. */
  exclude: readonly string[];
  /** An object directory besides the store's own. */
  from?: string | undefined;
}

export async function handOver(
  store: BaseStore,
  repository: Repository,
  { include, exclude, from }: HandOver,
): Promise<void> {
  const directory = join(store.gitDir, 'hand-over');
  removeTree(directory, store.gitDir);
  mkdirSync(directory, { mode: 0o700 });
  await git(['pack-objects', '--quiet', '--revs', join(directory, 'pack')], {
    gitDir: store.gitDir,
    input: [...include, ...exclude.map((oid) => `^${oid}`), ''].join('\n'),
    extraEnv: alsoFrom(from),
  });
  const pack = readdirSync(directory).find((name) => name.endsWith('.pack'));
  if (pack === undefined) throw new Error('git made no pack');
  const index = pack.replace(/\.pack$/, '.idx');
  const checked = join(directory, 'checked.idx');
  await git(['index-pack', '--strict', '-o', checked, join(directory, pack)], { gitDir: repository.gitDir });

  const target = join(repository.objectsDir, 'pack');
  mkdirSync(target, { recursive: true });
  // The pack before its index: git looks for the index, and then has to find both.
  for (const [source, name] of [
    [join(directory, pack), pack],
    [checked, index],
  ] as const) {
    const temporary = join(target, `tmp_${name}`);
    copyFileSync(source, temporary);
    chmodSync(temporary, 0o444);
    giveToOwner(temporary, target);
    renameSync(temporary, join(target, name));
  }
  removeTree(directory, store.gitDir);
}

/** For a git that is to see the objects of a directory besides those of its repository. */
export function alsoFrom(directory: string | undefined): Record<string, string> {
  if (directory === undefined) return {};
  return { GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${directory.replace(/[\\"]/g, '\\$&')}"` };
}

/** What root writes into a user's repository belongs to whoever the repository belongs to. */
export function giveToOwner(path: string, top: string): void {
  if (process.geteuid?.() !== 0) return;
  const owner = lstatSync(top);
  for (let at = path; at !== top && isInside(at, top); at = dirname(at)) {
    if (pathExists(at)) lchownSync(at, owner.uid, owner.gid);
  }
}
