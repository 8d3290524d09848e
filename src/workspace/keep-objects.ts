// Keeps the objects that a base rests on, whatever becomes of the project's repository: its packs and loose objects get second names in
// the store, which cost neither time nor space, and gc, prune and repack take away the first ones only. On another file system, where
// there are no second names, what the base needs is packed anew. Never writes to the project.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hostEnvironment } from '../platform/environment.ts';
import { run } from '../platform/processes.ts';
import { borrowObjects, type BaseStore } from './base-store.ts';
import { borrowedObjectDirs } from './borrowed-objects.ts';
import { git } from './git.ts';

/** Below the store's directory; each of its entries holds the objects of one directory of objects. */
const KEPT = 'kept';
const ATTEMPTS = 3;

/** Gives what these directories of objects hold, and what they read elsewhere, second names in the store; false where that cannot be. */
export async function linkObjects(store: BaseStore, objectDirs: readonly string[]): Promise<boolean> {
  const all = [...new Set(objectDirs.flatMap((directory) => [directory, ...borrowedObjectDirs(directory)]))];
  const made = await Promise.all(all.map((source) => linkDirectory(store, source)));
  return made.every(Boolean);
}

async function linkDirectory(store: BaseStore, source: string): Promise<boolean> {
  if (statSync(source).dev !== statSync(store.gitDir).dev) return false;
  const name = createHash('sha256').update(source).digest('hex').slice(0, 16);
  const target = join(store.gitDir, KEPT, name);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true, mode: 0o700 });
    const holders = readdirSync(source).filter((each) => /^(?:[0-9a-f]{2}|pack)$/.test(each));
    const paths = holders.map((each) => join(source, each));
    const { exitCode, stderr } = paths.length === 0 ? { exitCode: 0, stderr: '' } : await linkAll(paths, target);
    // A list over all packs holds only as long as all of them do.
    rmSync(join(target, 'pack', 'multi-pack-index'), { force: true });
    if (exitCode === 0) {
      // Relative: the store is moved into place when it is whole.
      borrowObjects(store, `../${KEPT}/${name}`);
      return true;
    }
    // A git on the host that repacks meanwhile takes files away while they are linked: then it is done again.
    if (!stderr.includes('No such file')) break;
  }
  rmSync(target, { recursive: true, force: true });
  return false;
}

function linkAll(paths: readonly string[], target: string): Promise<{ exitCode: number | null; stderr: string }> {
  const env = { PATH: hostEnvironment()['PATH'], LC_ALL: 'C' };
  return run('cp', ['--recursive', '--link', '--', ...paths, target], { env });
}

/** Copies what `commit` needs, and `kept` does not, into the store. What a partial clone lacks is passed over. */
export async function packObjects(store: BaseStore, commit: string, kept?: string): Promise<void> {
  const pack = join(store.gitDir, 'objects', 'pack', 'pack');
  const args = ['pack-objects', '--revs', '--quiet', '--window=0', '--missing=allow-any', pack];
  await git(args, { gitDir: store.gitDir, input: kept === undefined ? `${commit}\n` : `${commit}\n^${kept}\n` });
}
