// Which blob a file of the cage was, by the stat data it had then: an unchanged file is not read again. The change time cannot
// be set from inside a cage; an entry too young to be told from a later write in the same clock tick is not kept.
import type { BigIntStats } from 'node:fs';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import type { BytePath } from './byte-path.ts';

export interface StatCache {
  lookUp(path: BytePath, stat: BigIntStats): string | undefined;
  remember(path: BytePath, stat: BigIntStats, oid: string): void;
  /** Writes what was looked up or remembered since opening; the rest is forgotten. */
  save(): void;
}

interface Entry {
  /** `KEY OID` */
  line: string;
  /** Looked up or remembered since opening. */
  isWanted: boolean;
}

/** Coarsest tick of the clocks that file systems stamp with, and some. */
const TICK_NS = 50_000_000n;

/** Of the directory that was exported to last, in the workspace's directory. */
export const TARGET_CACHE = 'target-cache.json';

/**
 * `nowNs`: time before the first file is looked at, nanoseconds since the epoch. `root`: whose files these are, where that is not always
 * the same; what was remembered of another is forgotten.
 */
export function openStatCache(file: string, nowNs: bigint, root = ''): StatCache {
  const text = readTextIfPresent(file) ?? '';
  const known = parse(text, root);
  let wanted = 0;
  let isNew = false;
  return {
    lookUp(path, stat) {
      const entry = known.get(path);
      if (entry === undefined) return undefined;
      const key = `${keyOf(stat)} `;
      if (!entry.line.startsWith(key)) return undefined;
      if (!entry.isWanted) wanted += 1;
      entry.isWanted = true;
      return entry.line.slice(key.length);
    },
    remember(path, stat, oid) {
      if (stat.ctimeNs >= nowNs - TICK_NS) return;
      known.set(path, { line: `${keyOf(stat)} ${oid}`, isWanted: true });
      isNew = true;
    },
    save() {
      if (known.size > 0 && wanted === known.size && !isNew) return;
      const lines = [...known].flatMap(([path, { line, isWanted }]) => (isWanted ? [`${line} ${path}`] : []));
      const now = JSON.stringify(root === '' ? lines : [{ root }, ...lines]);
      // What a power failure takes of it is found out again.
      if (now !== text) writeFileAtomic(file, now, { synced: false });
    },
  };
}

function keyOf(stat: BigIntStats): string {
  return `${stat.ino},${stat.size},${stat.mtimeNs},${stat.ctimeNs}`;
}

/** A cache that cannot be read is an empty one: it costs time, never truth. */
function parse(text: string, root: string): Map<BytePath, Entry> {
  const entries = new Map<BytePath, Entry>();
  let lines: unknown;
  try {
    lines = text === '' ? [] : JSON.parse(text);
  } catch {
    return entries;
  }
  if (!Array.isArray(lines) || rootOf(lines[0]) !== root) return entries;
  for (const line of lines) {
    const parts = typeof line === 'string' ? /^(\S+ [0-9a-f]+) (.+)$/s.exec(line) : null;
    if (parts?.[1] !== undefined && parts[2] !== undefined) entries.set(parts[2], { line: parts[1], isWanted: false });
  }
  return entries;
}

function rootOf(first: unknown): unknown {
  return typeof first === 'object' && first !== null && 'root' in first ? first.root : '';
}
