// A tree with some of its files changed, made in an index of our own: only stored objects are read.
import { join } from 'node:path';
import { removeTree } from '../platform/files.ts';
import { zeroOid, type BaseStore } from './base-store.ts';
import { joinRecords } from './byte-path.ts';
import { git, gitLine } from './git.ts';
import type { HostWrite } from './host-tree.ts';

/** The tree `from` after these writes. Whoever calls holds the cage's lock. */
export async function treeWith(
  store: BaseStore,
  from: string,
  writes: readonly Pick<HostWrite, 'path' | 'after'>[],
): Promise<string> {
  if (writes.length === 0) return from;
  const index = join(store.gitDir, 'edited.index');
  removeTree(index, store.gitDir);
  const call = { gitDir: store.gitDir, indexFile: index };
  const zero = zeroOid(store.objectFormat);
  const removals = writes.filter(({ after }) => after === undefined).map(({ path }) => `0 ${zero} 0\t${path}`);
  const additions = writes.flatMap(({ path, after }) =>
    after === undefined ? [] : [`${after.mode} ${after.oid} 0\t${path}`],
  );
  await git(['read-tree', from], call);
  const input = joinRecords([...removals, ...additions]);
  await git(['update-index', '-z', '--replace', '--index-info'], { ...call, input });
  return gitLine(['write-tree', '--missing-ok'], call);
}
