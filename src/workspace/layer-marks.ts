// Which directories of a cage's upper layer hide what lies below them, asked in as few processes as can be: a mark is as lasting as the
// change time of its directory, and those that matter are found out together before the tree is read level by level.
import { fstatSync, type BigIntStats } from 'node:fs';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import type { BaseStore } from './base-store.ts';
import type { BytePath } from './byte-path.ts';
import { isGone, listNames, statAt, withDirectoryBelow, type DirectoryHandle } from './directory-handle.ts';
import { findOpaque } from './opaque-directories.ts';
import type { StatCache } from './stat-cache.ts';
import { readTrees } from './tree-object.ts';

/** A directory of the layer and what it is at this moment. */
interface LayerDirectory {
  path: BytePath;
  stat: BigIntStats;
}

export interface LayerMarks {
  /** Finds out what can be known of the directories that the base has as well. Answers nothing. */
  lookAhead(store: BaseStore, baseTree: string): Promise<void>;
  /** Those of `directories` that are opaque. */
  findOpaque(directories: readonly LayerDirectory[]): Promise<Set<BytePath>>;
}

export function openLayerMarks(upper: string, root: DirectoryHandle, cache: StatCache): LayerMarks {
  const known = new Map<BytePath, { stat: BigIntStats; opaque: boolean }>();
  const lookUp = ({ path, stat }: LayerDirectory): boolean | undefined => {
    const before = known.get(path);
    // Marked anew, or another directory, it has another change time.
    if (before?.stat.ino === stat.ino && before.stat.ctimeNs === stat.ctimeNs) return before.opaque;
    const cached = cache.lookUp(cacheName(path), stat);
    return cached === undefined ? undefined : cached === OPAQUE;
  };
  const ask = async (directories: readonly LayerDirectory[]): Promise<void> => {
    const unknown = directories.filter((directory) => lookUp(directory) === undefined);
    const opaque = await findOpaque(
      upper,
      unknown.map(({ path }) => path),
    );
    for (const { path, stat } of unknown) {
      known.set(path, { stat, opaque: opaque.has(path) });
      cache.remember(cacheName(path), stat, opaque.has(path) ? OPAQUE : MERGED);
    }
  };
  return {
    async lookAhead(store, baseTree) {
      const found: LayerDirectory[] = [];
      for (let level = [{ path: '', oid: baseTree }]; level.length > 0;) {
        const trees = await readTrees(
          store,
          level.map(({ oid }) => oid),
        );
        const next: typeof level = [];
        for (const [index, { path }] of level.entries()) {
          const tree = trees[index] ?? new Map();
          const inBoth = (name: BytePath): boolean => tree.get(name)?.mode === '40000';
          const directory = lookInto(root, path, inBoth);
          if (directory === undefined) continue;
          found.push({ path, stat: directory.stat });
          for (const name of directory.directories) {
            next.push({ path: path === '' ? name : `${path}/${name}`, oid: tree.get(name)?.oid ?? '' });
          }
        }
        level = next;
      }
      try {
        await ask(found);
      } catch (error) {
        // Something changed meanwhile, or cannot be understood: who needs to know asks again, and is told.
        if (!(error instanceof IronError)) throw error;
      }
    },
    async findOpaque(directories) {
      await ask(directories);
      return new Set(directories.flatMap((directory) => (lookUp(directory) === true ? [directory.path] : [])));
    },
  };
}

const OPAQUE = '1';
const MERGED = '0';

/** No file's path ends so. */
function cacheName(path: BytePath): BytePath {
  return `${path}/`;
}

/** Undefined for what is gone or cannot be read. */
function lookInto(
  root: DirectoryHandle,
  path: BytePath,
  isWanted: (name: BytePath) => boolean,
): { stat: BigIntStats; directories: BytePath[] } | undefined {
  try {
    return withDirectoryBelow(root, path, (handle) => ({
      stat: fstatSync(handle, { bigint: true }),
      directories: listNames(handle).filter((name) => isWanted(name) && statAt(handle, name)?.isDirectory() === true),
    }));
  } catch (error) {
    if (isGone(error) || systemErrorCode(error) === 'EACCES') return undefined;
    throw error;
  }
}
