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
  const before = parse(text, root);
  const after = new Map<BytePath, string>();
  return {
    lookUp(path, stat) {
      const line = before.get(path);
      const [key, oid] = line?.split(' ') ?? [];
      if (line === undefined || oid === undefined || key !== keyOf(stat)) return undefined;
      after.set(path, line);
      return oid;
    },
    remember(path, stat, oid) {
      if (stat.ctimeNs < nowNs - TICK_NS) after.set(path, `${keyOf(stat)} ${oid}`);
    },
    save() {
      const lines = [...after].map(([path, line]) => `${line} ${path}`);
      const now = JSON.stringify(root === '' ? lines : [{ root }, ...lines]);
      // What a power failure takes of it is found out again.
      if (now !== text) writeFileAtomic(file, now, { synced: false });
    },
  };
}

function keyOf(stat: BigIntStats): string {
  return [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(',');
}

/** A cache that cannot be read is an empty one: it costs time, never truth. */
function parse(text: string, root: string): Map<BytePath, string> {
  const entries = new Map<BytePath, string>();
  let lines: unknown;
  try {
    lines = text === '' ? [] : JSON.parse(text);
  } catch {
    return entries;
  }
  if (!Array.isArray(lines) || rootOf(lines[0]) !== root) return entries;
  for (const line of lines) {
    const parts = typeof line === 'string' ? /^(\S+ [0-9a-f]+) (.+)$/s.exec(line) : null;
    if (parts?.[1] !== undefined && parts[2] !== undefined) entries.set(parts[2], parts[1]);
  }
  return entries;
}

function rootOf(first: unknown): unknown {
  return typeof first === 'object' && first !== null && 'root' in first ? first.root : '';
}
