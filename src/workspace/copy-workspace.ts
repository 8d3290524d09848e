// A second workspace that is like a first one: the cage's files with their marks, the base and the record. Objects of the base are
// shared by second names, since nobody ever writes one again; what the kernel or a cache makes anew is left out. The first
// one must stand still meanwhile, and is not touched.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, removeTree } from '../platform/files.ts';
import { settleAll } from '../platform/settled.ts';
import { copyTree, type Owner, type SkippedFile } from './copy-tree.ts';
import { copyExactly, linkTree } from './exact-copy.ts';
import { TARGET_CACHE } from './stat-cache.ts';
import { carryTakenIn, renewTakenIn } from './taken-in.ts';
import { directoriesOf } from './workspace.ts';
import { readWorkspaceRecord, writeWorkspaceRecord } from './workspace-file.ts';

/** Made anew by whoever needs them: empty places of an overlay, and a cache of files by their numbers on disk. */
const OF_NO_USE = new Set(['layers', 'merged', 'stat-cache.json', TARGET_CACHE, 'taken-in']);
/** With objects, which are shared, and files of the cage, which are nobody's to trust. */
const APART = new Set(['base.git', 'tree']);

/**
 * Both are the directory `workspace` of a store; `target` must not exist. `owner`: of root’s copy, whom the cage’s files belong to instead of
 * their owner so far. Returns what could not come along.
 */
export async function copyWorkspace(
  source: string,
  target: string,
  interrupted: AbortSignal,
  owner?: Owner,
): Promise<SkippedFile[]> {
  makeDirectory(target);
  const present = readdirSync(source);
  const names = present.filter((name) => !OF_NO_USE.has(name) && !APART.has(name));
  const [from, to] = [directoriesOf(source), directoriesOf(target)];
  if (present.includes('layers')) for (const directory of [to.work, to.merged]) makeDirectory(directory);
  const copyRest = async (): Promise<SkippedFile[]> => {
    for (const name of names) await copyOwn(join(source, name), join(target, name));
    await copyBaseStore(join(source, 'base.git'), join(target, 'base.git'));
    return [];
  };
  const made: Promise<SkippedFile[]>[] = [];
  if (present.includes('layers')) {
    made.push(copyExactly({ source: from.upper, target: to.upper, isLayer: true, interrupted }));
  }
  if (present.includes('tree')) made.push(copyExactly({ source: from.tree, target: to.tree, owner, interrupted }));
  // Behind what programs of their own do meanwhile.
  made.push(copyRest());
  const skipped = (await settleAll(made)).flat();
  carryTakenIn(source, target);
  return skipped;
}

async function copyBaseStore(source: string, target: string): Promise<void> {
  makeDirectory(target);
  for (const name of readdirSync(source)) {
    const [from, to] = [join(source, name), join(target, name)];
    if (SHARED.has(name)) linkTree(Buffer.from(from), Buffer.from(to));
    else await copyOwn(from, to);
  }
  // Which other objects it borrows is a file that is written in place.
  const [from, to] = [join(source, 'objects/info'), join(target, 'objects/info')];
  removeTree(to, target);
  await copyOwn(from, to);
}

/** Of a base: its own objects, and those that it keeps of the project’s. */
const SHARED = new Set(['objects', 'kept']);

/** What ironcage wrote itself. */
async function copyOwn(source: string, target: string): Promise<void> {
  await copyTree({ source: Buffer.from(source), target: Buffer.from(target) });
}

/** Says of a copied workspace whose its files are, when they are. */
export async function ownWorkspace(directory: string, owner: Owner): Promise<void> {
  renewTakenIn(directory);
  const record = await readWorkspaceRecord(directory);
  if (record !== undefined) writeWorkspaceRecord(directory, { ...record, owner });
}
