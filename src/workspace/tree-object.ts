// Git tree objects as data: read in one process for any number of them, written by ourselves. Cheaper than an index, because
// only the directories that a change touches are looked at.
import { IronError } from '../platform/errors.ts';
import type { BaseStore, Tree, TreeEntry } from './base-store.ts';
import type { BytePath } from './byte-path.ts';
import { storeObject } from './loose-object.ts';
import { withReading } from './object-reading.ts';

/** Reads trees by name, in the order given. */
export async function readTrees(store: BaseStore, oids: readonly string[]): Promise<Tree[]> {
  return withReading(store, async (reading) => {
    const { trees } = reading;
    const wanted = [...new Set(oids)].filter((oid) => !trees.has(oid));
    for (const [index, object] of (await reading.contents(wanted)).entries()) {
      const oid = wanted[index] ?? '';
      if (object?.type !== 'tree') throw missing(oid);
      trees.set(oid, parseTree(object.contents, store.objectFormat === 'sha1' ? 20 : 32));
    }
    return oids.map((oid) => trees.get(oid) ?? NOTHING);
  });
}

const NOTHING: Tree = new Map();

function parseTree(contents: Buffer, oidBytes: number): Tree {
  const entries = new Map<BytePath, TreeEntry>();
  for (let at = 0; at < contents.length;) {
    const space = contents.indexOf(0x20, at);
    const nul = contents.indexOf(0, space);
    const mode = entryMode(contents.toString('latin1', at, space));
    const name = contents.toString('latin1', space + 1, nul);
    at = nul + 1 + oidBytes;
    entries.set(name, { mode, oid: contents.toString('hex', nul + 1, at) });
  }
  return entries;
}

/** Stores a tree and returns its name; `known` is the name of a tree that is stored already. */
export function storeTree(store: BaseStore, tree: Tree, known?: string): string {
  const sorted = [...tree].sort((a, b) => (sortKey(...a) < sortKey(...b) ? -1 : 1));
  const parts = sorted.flatMap(([name, { mode, oid }]) => [
    Buffer.from(`${mode} ${name}\0`, 'latin1'),
    Buffer.from(oid, 'hex'),
  ]);
  const oid = storeObject(store, 'tree', Buffer.concat(parts), known);
  store.reading?.trees.set(oid, new Map(sorted));
  return oid;
}

/** Git sorts a directory as if its name ended with a slash. */
function sortKey(name: BytePath, entry: TreeEntry): string {
  return entry.mode === '40000' ? `${name}/` : name;
}

function entryMode(text: string): TreeEntry['mode'] {
  switch (text) {
    case '100755':
    case '120000':
    case '40000':
    case '160000':
      return text;
    default:
      // Old repositories hold 100664 and the like; git reads them as 100644.
      return '100644';
  }
}

function missing(oid: string): IronError {
  return new IronError('E_WORKSPACE', {
    message: `the tree ${oid} of the cage’s base is gone`,
    because: 'objects of the project were removed (git gc or prune)',
    hint: 'copy what is in the cage out by hand and make a new cage',
    details: { oid },
  });
}
