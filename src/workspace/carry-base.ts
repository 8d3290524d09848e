// The base of a workspace as one file, and back: every object that its commit needs, whoever else has them. What comes back is checked object
// by object before anything reads it, and holds exactly the base that it is said to.
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createBaseStore, keepCommit } from './base-store.ts';
import { BASE_REF, type Base } from './base.ts';
import { git, gitLine } from './git.ts';

/** Writes the pack below `directory`, which is made; returns its path. `lastApplied`: a tree that later changes of the base rest on. */
export async function packBase(base: Base, directory: string, lastApplied?: string): Promise<string> {
  mkdirSync(directory, { mode: 0o700 });
  const args = ['pack-objects', '--revs', '--quiet', '--missing=allow-any', join(directory, 'pack')];
  await git(args, {
    gitDir: base.gitDir,
    input: [base.commit, lastApplied, ''].filter((line) => line !== undefined).join('\n'),
  });
  const pack = readdirSync(directory).find((name) => name.endsWith('.pack'));
  if (pack === undefined) throw new Error('git made no pack');
  return join(directory, pack);
}

/**
 * Makes the store at `gitDir` of a pack from anybody. Throws when it is damaged or holds another base. Returns `lastApplied`, or undefined
 * where that tree is not whole: what is not known to have been applied counts as work.
 */
export async function unpackBase(
  pack: string,
  gitDir: string,
  { objectFormat, commit, tree }: Pick<Base, 'objectFormat' | 'commit' | 'tree'>,
  lastApplied?: string,
): Promise<string | undefined> {
  const store = createBaseStore(gitDir, objectFormat);
  const call = { gitDir };
  const place = join(gitDir, 'objects', 'pack');
  const named = join(place, `pack-${commit}.pack`);
  renameSync(pack, named);
  await git(['index-pack', '--fsck-objects', '-o', named.replace(/\.pack$/, '.idx'), named], call);
  const actual = await gitLine(['rev-parse', '--verify', `${commit}^{tree}`], call);
  if (actual !== tree) throw new Error('the base of the backup is another than its manifest says');
  // All trees below have to be there; the contents of files may be missing, as in a partial clone.
  await git(['ls-tree', '-r', '-t', '-z', '--name-only', tree], call);
  await keepCommit(store, BASE_REF, commit);
  if (lastApplied === undefined) return undefined;
  const listed = await git(['ls-tree', '-r', '-t', '-z', '--name-only', lastApplied], { ...call, accept: [0, 128] });
  return listed.exitCode === 0 ? lastApplied : undefined;
}
