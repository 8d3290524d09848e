// Turns what is in a cage into a git tree in the store, without running git on it and without following a link. An overlay is
// read by its upper layer only: the cost is that of the change. What cannot be stored is named, and keeps its state in the base.
import { closeSync, fstatSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { newSecrets } from './base.ts';
import type { BaseStore, Tree, TreeEntry } from './base-store.ts';
import { toText, unsafeComponent, type BytePath } from './byte-path.ts';
import type { SkippedFile } from './copy-tree.ts';
import {
  changedWhileReading,
  isGone,
  listNames,
  openDirectory,
  openFileAt,
  readLinkAt,
  statAt,
  withDirectoryBelow,
  type DirectoryHandle,
} from './directory-handle.ts';
import { hostIgnoreRules, isIgnored, readIgnoreFile, type IgnoreRules } from './ignore-rules.ts';
import { storeFile, storeObject } from './loose-object.ts';
import { openLayerMarks, type LayerMarks } from './layer-marks.ts';
import { withOpenWorkspace, type OpenWorkspace } from './open-workspace.ts';
import { openStatCache, type StatCache } from './stat-cache.ts';
import { openTakenIn } from './taken-in.ts';
import { readTrees, storeTree } from './tree-object.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface CageTree {
  tree: string;
  skipped: SkippedFile[];
  /** What git ignores and the base does not have: files, and directories with a slash behind them. Unless they were asked for. */
  ignored: BytePath[];
}

/** One directory of the cage that is being read. */
interface Directory {
  path: BytePath;
  name: BytePath;
  parent: Directory | undefined;
  /** Tree of the base at this path. */
  baseOid: string | undefined;
  base: Tree;
  /** Whether what lies below in the project shows through. */
  layered: boolean;
  /** Whether new files in here are ignored because a directory above is. */
  ignored: boolean;
  /** What the new tree holds, filled as the directory and those below it are read. */
  entries: Map<BytePath, TreeEntry>;
  rules?: IgnoreRules;
}

interface Reading {
  store: BaseStore;
  root: DirectoryHandle;
  /** The project on the host, where a layered directory's unchanged ignore files are; undefined when it is gone. */
  host: DirectoryHandle | undefined;
  /** Of an overlay: what its upper layer hides of the project. */
  layer: LayerMarks | undefined;
  rules: IgnoreRules | undefined;
  cache: StatCache;
  skipped: SkippedFile[];
  ignored: BytePath[];
  /** Whether a file that the base does not have came in with it, and is as it was. */
  isTakenIn: (path: BytePath, stat: BigIntStats) => boolean;
  /** Files that git ignores are read as well. */
  everything: boolean;
  /** The cage has the project itself: what it says of a file's owner holds on the host. */
  inPlace: boolean;
  /** Of a project that the cage has as it is: files that are no part of the base either. */
  leaveOut: ((path: BytePath) => boolean) | undefined;
}

const MAX_DEPTH = 500;
const READ_ATTEMPTS = 3;

interface Wish {
  includeIgnored: boolean;
}

export function recordCageTree(workspace: PreparedWorkspace, wish?: Wish): Promise<CageTree> {
  return withOpenWorkspace(workspace, (open) => recordOpenCage(open, wish));
}

/** The same for one of several looks. */
export async function recordOpenCage(
  { workspace, store, project, settings }: OpenWorkspace,
  { includeIgnored }: Wish = { includeIgnored: false },
): Promise<CageTree> {
  const { directories, strategy, base } = workspace;
  const overlay = strategy === 'overlay';
  const top = overlay ? directories.upper : directories.tree;
  const cacheFile = join(workspaceDirectory(workspace.storeDirectory), 'stat-cache.json');
  const root = openDirectory(top);
  const host = openDirectory(project.root);
  try {
    const cache = openStatCache(cacheFile, BigInt(Date.now()) * 1_000_000n);
    const reading: Reading = {
      store,
      root,
      host,
      layer: overlay ? openLayerMarks(top, root, cache) : undefined,
      rules: undefined,
      cache,
      skipped: [],
      ignored: [],
      isTakenIn: strategy === 'copy' ? openTakenIn(workspaceDirectory(workspace.storeDirectory)) : () => false,
      everything: includeIgnored,
      inPlace: strategy === 'mount',
      leaveOut: strategy === 'mount' ? newSecrets(project) : undefined,
    };
    const rules = settings.then((known) => hostIgnoreRules(project, known));
    const tree = await readAll(reading, base.tree, rules);
    cache.save();
    return { tree, skipped: reading.skipped, ignored: reading.ignored };
  } finally {
    closeSync(root);
    closeSync(host);
  }
}

async function readAll(reading: Reading, baseTree: string, rules: Promise<IgnoreRules | undefined>): Promise<string> {
  const top = newDirectory({ path: '', name: '', parent: undefined, baseOid: baseTree, ignored: false });
  const all: Directory[] = [];
  // The rules are looked up meanwhile, and count from the first directory on.
  const [found] = await Promise.all([rules, reading.layer?.lookAhead(reading.store, baseTree)]);
  reading.rules = found;
  for (let level = [top]; level.length > 0;) {
    all.push(...level);
    const next: Directory[] = [];
    for (const directory of await readBase(reading, level)) next.push(...(await readDirectory(reading, directory)));
    level = next;
  }
  // Children come after their parents: backwards, every directory is complete when its turn comes.
  for (const directory of all.reverse()) {
    if (directory.parent === undefined) continue;
    if (directory.entries.size === 0) directory.parent.entries.delete(directory.name);
    else {
      const oid = storeTree(reading.store, directory.entries, directory.baseOid);
      directory.parent.entries.set(directory.name, { mode: '40000', oid });
    }
  }
  return storeTree(reading.store, top.entries, baseTree);
}

function newDirectory(parts: Pick<Directory, 'path' | 'name' | 'parent' | 'baseOid' | 'ignored'>): Directory {
  return { ...parts, base: new Map(), layered: false, entries: new Map() };
}

/** Looks up what the base holds in these directories and which of them let it show through; returns those to be read. */
async function readBase(reading: Reading, level: readonly Directory[]): Promise<Directory[]> {
  const { layer } = reading;
  const known = level.filter((directory) => directory.baseOid !== undefined);
  const seen = new Map(level.map((directory) => [directory, lookAt(reading, directory)]));
  const readable = level.filter((directory) => seen.get(directory) !== undefined);
  const below =
    layer === undefined
      ? []
      : readable.filter((directory) => directory.parent === undefined || directory.parent.layered);
  const [trees, opaque] = await Promise.all([
    readTrees(
      reading.store,
      known.map((directory) => directory.baseOid ?? ''),
    ),
    layer?.findOpaque(
      below.flatMap((directory) => {
        const stat = seen.get(directory);
        return directory.baseOid === undefined || stat === undefined ? [] : [{ path: directory.path, stat }];
      }),
    ),
  ]);
  for (const [index, directory] of known.entries()) directory.base = trees[index] ?? new Map();
  for (const directory of level) if (seen.get(directory) === undefined) directory.entries = new Map(directory.base);
  for (const directory of below) {
    directory.layered = opaque?.has(directory.path) !== true;
    if (directory.layered) directory.entries = new Map(directory.base);
  }
  return readable;
}

/** Undefined for what cannot be read, or is gone. */
function lookAt(reading: Reading, directory: Directory): BigIntStats | undefined {
  if (directory.path.split('/').length > MAX_DEPTH) {
    skip(reading, directory.path, 'it is nested too deeply');
    return undefined;
  }
  try {
    return withDirectoryBelow(reading.root, directory.path, (handle) => fstatSync(handle, { bigint: true }));
  } catch (error) {
    if (isGone(error)) return undefined;
    if (systemErrorCode(error) !== 'EACCES') throw error;
    skip(reading, directory.path, 'it cannot be read');
    return undefined;
  }
}

/** Reads one directory into its entries; returns the directories in it that have to be read as well. */
async function readDirectory(reading: Reading, directory: Directory): Promise<Directory[]> {
  const children: Directory[] = [];
  const at = await openBelow(reading, directory.path);
  try {
    for (const name of listNames(at)) {
      const path = directory.path === '' ? name : `${directory.path}/${name}`;
      const unsafe = unsafeComponent(name);
      if (unsafe !== undefined) {
        // The cage's own repository is no part of the work; look-alikes of it are worth a word.
        if (name !== '.git') skip(reading, path, `git refuses the name: it ${unsafe}`);
        continue;
      }
      const child = await readEntry(reading, directory, at, name, path);
      if (child !== undefined) children.push(child);
    }
  } finally {
    closeSync(at);
  }
  return children;
}

async function openBelow(reading: Reading, path: BytePath): Promise<DirectoryHandle> {
  return withDirectoryBelow(reading.root, path, (handle) => openDirectory(`/proc/self/fd/${handle}/.`));
}

async function readEntry(
  reading: Reading,
  directory: Directory,
  at: DirectoryHandle,
  name: BytePath,
  path: BytePath,
): Promise<Directory | undefined> {
  const stat = statAt(at, name);
  const before = directory.base.get(name);
  if (stat === undefined) return undefined;
  if (stat.isDirectory()) {
    const baseOid = before?.mode === '40000' ? before.oid : undefined;
    const ignored = directory.ignored || ignores(reading, directory, path, true);
    directory.entries.delete(name);
    if (ignored && baseOid === undefined) {
      reading.ignored.push(`${path}/`);
      return undefined;
    }
    return newDirectory({ path, name, parent: directory, baseOid, ignored });
  }
  if (reading.layer !== undefined && stat.isCharacterDevice() && stat.rdev === 0n) {
    directory.entries.delete(name);
    return undefined;
  }
  if (!stat.isFile() && !stat.isSymbolicLink()) {
    skip(reading, path, 'it is a pipe, socket or device');
    if (before !== undefined) directory.entries.set(name, before);
    return undefined;
  }
  const tracked = before !== undefined && before.mode !== '40000';
  if (!tracked && reading.leaveOut?.(path) === true) return undefined;
  if (!tracked && (directory.ignored || ignores(reading, directory, path, false))) {
    directory.entries.delete(name);
    if (!reading.isTakenIn(path, stat)) reading.ignored.push(path);
    return undefined;
  }
  if (!tracked && !reading.everything && reading.isTakenIn(path, stat)) return undefined;
  if (reading.inPlace && stat.isFile() && (stat.mode & 0o6000n) !== 0n)
    skip(reading, path, 'it runs with the rights of its owner or group, whoever starts it: chmod ug-s takes that away');
  try {
    const link = stat.isSymbolicLink();
    const entry: TreeEntry = link
      ? { mode: '120000', oid: storeObject(reading.store, 'blob', readLinkAt(at, name), before?.oid) }
      : (lookUp(reading, path, stat) ?? (await readFile(reading, at, name, path, before)));
    directory.entries.set(name, entry);
  } catch (error) {
    if (systemErrorCode(error) === 'EACCES') {
      skip(reading, path, 'it cannot be read');
      if (before !== undefined) directory.entries.set(name, before);
    } else if (isGone(error)) directory.entries.delete(name);
    else throw error;
  }
  return undefined;
}

async function readFile(
  reading: Reading,
  at: DirectoryHandle,
  name: BytePath,
  path: BytePath,
  before: TreeEntry | undefined,
): Promise<TreeEntry> {
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    const { fd, stat } = openFileAt(at, name);
    try {
      const oid = await storeFile(reading.store, fd, Number(stat.size), before?.oid);
      if (oid === undefined) continue;
      reading.cache.remember(path, stat, oid);
      return { mode: modeOf(stat), oid };
    } finally {
      closeSync(fd);
    }
  }
  throw changedWhileReading(path);
}

function lookUp(reading: Reading, path: BytePath, stat: BigIntStats): TreeEntry | undefined {
  const oid = reading.cache.lookUp(path, stat);
  return oid === undefined ? undefined : { mode: modeOf(stat), oid };
}

function modeOf(stat: BigIntStats): TreeEntry['mode'] {
  return (stat.mode & 0o100n) === 0n ? '100644' : '100755';
}

function ignores(reading: Reading, directory: Directory, path: BytePath, isDirectory: boolean): boolean {
  return !reading.everything && isIgnored(rulesOf(reading, directory), path, isDirectory);
}

/** The ignore rules inside a directory, read when first asked for. */
function rulesOf(reading: Reading, directory: Directory): IgnoreRules {
  directory.rules ??= {
    directory: directory.path,
    patterns: readRules(reading, directory),
    outer: directory.parent === undefined ? reading.rules : rulesOf(reading, directory.parent),
  };
  return directory.rules;
}

function readRules(reading: Reading, directory: Directory): IgnoreRules['patterns'] {
  const changed = withDirectoryBelow(reading.root, directory.path, (handle) =>
    statAt(handle, '.gitignore') === undefined ? undefined : readIgnoreFile(handle),
  );
  if (changed !== undefined) return changed;
  if (!directory.layered || reading.host === undefined) return [];
  try {
    return withDirectoryBelow(reading.host, directory.path, readIgnoreFile);
  } catch (error) {
    if (isGone(error) || systemErrorCode(error) === 'EACCES') return [];
    throw error;
  }
}

function skip(reading: Reading, path: BytePath, reason: string): void {
  reading.skipped.push({ path: toText(path), reason });
}
