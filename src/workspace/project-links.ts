// All links of a tree, and where each of them leads in the end: through other links of the project, as the kernel would take them, without
// asking it. The list of one tree is kept beside the store; that of another is what differs from it.
import { join } from 'node:path';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import type { BaseStore } from './base-store.ts';
import { bytePath, splitRecords, type BytePath } from './byte-path.ts';
import { git } from './git.ts';
import { linkTarget } from './link-target.ts';
import { blobSizes, readBlobs } from './read-blobs.ts';
import { diffTrees } from './tree-diff.ts';

/** What is written in each link, by its path; undefined: more than any kernel takes. */
export type ProjectLinks = ReadonlyMap<BytePath, BytePath | undefined>;

/** As much of them as it takes to follow one. */
export type LinkView = Pick<ProjectLinks, 'has' | 'get'>;

const FILE = 'links.json';
const MAX_TARGET_BYTES = 4096;
const BLOBS_AT_ONCE = 2000;
/** As the kernel has it. */
const MAX_HOPS = 40;

export async function projectLinks(store: BaseStore, tree: string): Promise<ProjectLinks> {
  const known = readKnown(store);
  const listed = known === undefined ? await listLinks(store, tree) : await patchLinks(store, known, tree);
  if (known === undefined) writeFileAtomic(join(store.gitDir, FILE), JSON.stringify({ tree, links: [...listed] }), { synced: false }); // prettier-ignore
  return readTargets(store, listed);
}

/**
 * The path of the project that a link leads to at last, whether or not something is there; undefined when it leads out, into a `.git` or
 * nowhere.
 */
export function linkEnd(links: LinkView, path: BytePath, target: BytePath): BytePath | undefined {
  if (linkTarget(path, target) === undefined) return undefined;
  let at = path.split('/').slice(0, -1);
  const ahead = target.split('/');
  for (let hops = 0; ahead.length > 0;) {
    const part = ahead.shift() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return undefined;
      continue;
    }
    const here = [...at, part].join('/');
    if (!links.has(here)) {
      at.push(part);
      continue;
    }
    const through = links.get(here);
    hops += 1;
    if (through === undefined || hops > MAX_HOPS || through.startsWith('/') || linkTarget(here, through) === undefined)
      return undefined;
    ahead.unshift(...through.split('/'));
  }
  return at.join('/');
}

interface Known {
  tree: string;
  /** Names of the blobs by path. */
  links: Map<BytePath, string>;
}

/** A file of our own; whatever else it holds counts as none. */
function readKnown({ gitDir }: BaseStore): Known | undefined {
  const value = parseJson(readTextIfPresent(join(gitDir, FILE)) ?? '');
  if (typeof value !== 'object' || value === null || !('tree' in value) || !('links' in value)) return undefined;
  const { tree, links } = value;
  return typeof tree === 'string' && Array.isArray(links) ? { tree, links: new Map(links) } : undefined;
}

async function listLinks({ gitDir }: BaseStore, tree: string): Promise<Map<BytePath, string>> {
  const { stdout } = await git(['ls-tree', '-r', '-z', '--full-tree', tree], { gitDir });
  const links = new Map<BytePath, string>();
  for (const record of splitRecords(stdout)) {
    if (!record.startsWith('120000 ')) continue;
    const tab = record.indexOf('\t');
    links.set(record.slice(tab + 1), record.slice(0, tab).split(' ')[2] ?? '');
  }
  return links;
}

async function patchLinks(store: BaseStore, known: Known, tree: string): Promise<Map<BytePath, string>> {
  const links = new Map(known.links);
  for (const { bytes, after } of await diffTrees(store, known.tree, tree, 'no-renames')) {
    if (after?.mode === '120000') links.set(bytes.path, after.oid);
    else links.delete(bytes.path);
  }
  return links;
}

async function readTargets(store: BaseStore, listed: ReadonlyMap<BytePath, string>): Promise<ProjectLinks> {
  const sizes = await blobSizes(store, listed.values());
  const oids = [...sizes].flatMap(([oid, size]) => (size <= MAX_TARGET_BYTES ? [oid] : []));
  const targets = new Map<string, BytePath>();
  for (let from = 0; from < oids.length; from += BLOBS_AT_ONCE)
    for (const [oid, text] of await readBlobs(store, oids.slice(from, from + BLOBS_AT_ONCE)))
      targets.set(oid, bytePath(text));
  return new Map([...listed].map(([path, oid]) => [path, targets.get(oid)]));
}
