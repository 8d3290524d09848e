// Walks a directory that a cage may have filled, depth first, names in byte order; or an overlay's two layers as the one tree that the cage
// sees. Follows no link. What is no file, directory or link, or cannot be read, is told and left out.
import { closeSync, type BigIntStats } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { pathBytes, toText, type BytePath } from './byte-path.ts';
import type { SkippedFile } from './copy-tree.ts';
import {
  isGone,
  listNames,
  openDirectory,
  openDirectoryAt,
  openFileAt,
  readLinkAt,
  statAt,
  withDirectoryBelow,
  type DirectoryHandle,
} from './directory-handle.ts';
import { findOpaque } from './opaque-directories.ts';

export interface WalkedEntry {
  /** Relative to the top. */
  path: BytePath;
  kind: 'file' | 'directory' | 'link';
  stat: BigIntStats;
  /** Of a link: its target, one character per byte. */
  target: BytePath;
  /** Of a file: whoever opens it closes it. */
  open: () => { fd: number; stat: BigIntStats };
}

export interface WalkOptions {
  /** Absolute; the last is seen only where nothing before it has a name. An upper layer of an overlay comes first. */
  layers: readonly [string, ...string[]];
  /** Whether the first layer is that of an overlay, whose marks hide what lies below. */
  overlay: boolean;
  skip: (path: BytePath) => boolean;
  onSkipped: (skipped: SkippedFile) => void;
  maxDepth: number;
}

/** One directory in each layer that has it. */
type Handles = readonly { handle: DirectoryHandle; upper: boolean }[];

export async function* walkTree(options: WalkOptions): AsyncGenerator<WalkedEntry> {
  const [top] = options.layers;
  const opaque = options.overlay ? await opaqueDirectories(top, options.maxDepth) : new Set<BytePath>();
  const handles = options.layers.map((path, index) => ({
    handle: openDirectory(path),
    upper: options.overlay && index === 0,
  }));
  try {
    yield* walk({ ...options, opaque }, '', handles, 1);
  } finally {
    for (const { handle } of handles) closeSync(handle);
  }
}

async function* walk(
  options: WalkOptions & { opaque: ReadonlySet<BytePath> },
  directory: BytePath,
  handles: Handles,
  depth: number,
): AsyncGenerator<WalkedEntry> {
  const names = new Set(handles.flatMap(({ handle }) => listNames(handle)));
  for (const name of [...names].sort()) {
    const path = directory === '' ? name : `${directory}/${name}`;
    if (options.skip(path)) continue;
    const found = lookUp(handles, name);
    if (found === undefined) continue;
    const { handle, stat } = found;
    const say = (reason: string): void => options.onSkipped({ path: toText(path), reason });
    const open = (): { fd: number; stat: BigIntStats } => openFileAt(handle, name);
    if (stat.isFile()) {
      if (isReadable(open, say)) yield { path, kind: 'file', stat, target: '', open };
    } else if (stat.isSymbolicLink()) {
      const target = readLinkAt(handle, name).toString('latin1');
      yield { path, kind: 'link', stat, target, open };
    } else if (!stat.isDirectory()) say('it is a pipe, socket or device');
    else if (depth >= options.maxDepth || pathBytes(path).length > 3500) say('it is nested too deeply');
    else {
      const inner = openLayers(options, handles, name, path, say);
      if (inner === undefined) continue;
      try {
        yield { path, kind: 'directory', stat, target: '', open };
        yield* walk(options, path, inner, depth + 1);
      } finally {
        for (const each of inner) closeSync(each.handle);
      }
    }
  }
}

/** The first layer that has a name decides what it is; a mark of the overlay's says that it is nothing. */
function lookUp(handles: Handles, name: BytePath): { handle: DirectoryHandle; stat: BigIntStats } | undefined {
  for (const { handle, upper } of handles) {
    const stat = statAt(handle, name);
    if (stat === undefined) continue;
    return upper && stat.isCharacterDevice() && stat.rdev === 0n ? undefined : { handle, stat };
  }
  return undefined;
}

/** The layers in which it is a directory, down to the first that hides those below. */
function openLayers(
  { opaque }: { opaque: ReadonlySet<BytePath> },
  handles: Handles,
  name: BytePath,
  path: BytePath,
  say: (reason: string) => void,
): Handles | undefined {
  const inner: { handle: DirectoryHandle; upper: boolean }[] = [];
  try {
    for (const { handle, upper } of handles) {
      const stat = statAt(handle, name);
      if (stat === undefined) continue;
      if (!stat.isDirectory()) break;
      inner.push({ handle: openDirectoryAt(handle, name), upper });
      if (upper && opaque.has(path)) break;
    }
    return inner;
  } catch (error) {
    for (const { handle } of inner) closeSync(handle);
    if (isGone(error)) return undefined;
    if (systemErrorCode(error) !== 'EACCES') throw error;
    say('it cannot be read');
    return undefined;
  }
}

function isReadable(open: () => { fd: number }, say: (reason: string) => void): boolean {
  try {
    closeSync(open().fd);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    if (systemErrorCode(error) !== 'EACCES') throw error;
    say('it cannot be read');
    return false;
  }
}

/** Of an upper layer, all of them: its directories are as many as the change has. */
async function opaqueDirectories(upper: string, maxDepth: number): Promise<Set<BytePath>> {
  const directories: BytePath[] = [];
  const top = openDirectory(upper);
  const collect = (path: BytePath, depth: number): void => {
    if (depth > maxDepth) return;
    const inner = withDirectoryBelow(top, path, (handle) =>
      listNames(handle).filter((name) => statAt(handle, name)?.isDirectory() === true),
    );
    for (const name of inner) {
      const child = path === '' ? name : `${path}/${name}`;
      directories.push(child);
      collect(child, depth + 1);
    }
  };
  try {
    collect('', 0);
  } finally {
    closeSync(top);
  }
  return findOpaque(upper, directories);
}
