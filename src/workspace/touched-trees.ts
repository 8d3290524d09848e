// The directories of a tree that a change touches, and those above them: what has to be known to judge the names of its files.
import type { BaseStore, Tree } from './base-store.ts';
import type { BytePath } from './byte-path.ts';
import type { TreeDifference } from './tree-diff.ts';
import { readTrees } from './tree-object.ts';

/** By path; the root is ''. */
export type TouchedTrees = ReadonlyMap<BytePath, Tree>;

/** Level by level, one process for each. */
export async function readTouchedTrees(
  store: BaseStore,
  tree: string,
  files: readonly TreeDifference[],
): Promise<TouchedTrees> {
  const present = files.filter((file) => file.after !== undefined);
  const wanted = new Set(present.flatMap(({ bytes }) => directoriesAbove(bytes.path)));
  const trees = new Map<BytePath, Tree>();
  for (let level = wanted.size === 0 ? [] : [{ path: '', oid: tree }]; level.length > 0;) {
    const oids = level.map(({ oid }) => oid);
    const read = await readTrees(store, oids);
    const next: typeof level = [];
    for (const [index, { path }] of level.entries()) {
      const entries: Tree = read[index] ?? new Map();
      trees.set(path, entries);
      for (const [name, { mode, oid }] of entries) {
        const inner = path === '' ? name : `${path}/${name}`;
        if (mode === '40000' && wanted.has(inner)) next.push({ path: inner, oid });
      }
    }
    level = next;
  }
  return trees;
}

/** From the root, '', downwards. */
export function directoriesAbove(path: BytePath): BytePath[] {
  const above: BytePath[] = [''];
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    above.push(path.slice(0, slash));
  return above;
}
