// Submodules that stand at another commit in a cage than in its base, that came or that went. Their files are files of the base and of the
// change like all others; this is what git itself would say of them. Read without git and without following a link: the cage may have
// written every byte.
import { closeSync } from 'node:fs';
import { posix } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { isInside } from '../platform/files.ts';
import { lookAt } from './apply-steps.ts';
import type { BaseStore, TreeEntry } from './base-store.ts';
import { EMPTY_TREE } from './base-store.ts';
import { fromText, nameOf, parentOf, toText, unsafeComponent, type BytePath } from './byte-path.ts';
import { isGone, openDirectory, withDirectoryBelow } from './directory-handle.ts';
import { git } from './git.ts';
import { readBelow } from './git-position.ts';
import { storeTree } from './tree-object.ts';
import type { DiffFile, TreeDifference } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface SubmoduleMove {
  path: BytePath;
  /** Undefined: the base has no such submodule. */
  from: string | undefined;
  /** Undefined: it is gone. */
  to: string | undefined;
}

const MAX_SMALL_BYTES = 4096;
const MAX_LIST_BYTES = 64 * 2 ** 20;
const MAX_NEW = 1000;

/** `files`: what differs between the base and `tree`, which is the cage's. */
export async function submoduleMoves(
  workspace: PreparedWorkspace,
  tree: string,
  files: readonly TreeDifference[],
): Promise<SubmoduleMove[]> {
  const { base } = workspace;
  const known = base.submodules.map(({ path, commit }) => ({ path: fromText(path), from: commit }));
  const named = files.some(({ bytes, after }) => bytes.path === '.gitmodules' && after !== undefined);
  const paths = new Set(known.map(({ path }) => path));
  const added = named ? (await submodulePaths(base, tree)).filter((path) => !paths.has(path)).slice(0, MAX_NEW) : [];
  if (known.length + added.length === 0) return [];
  const view = openView(workspace);
  try {
    const length = EMPTY_TREE[base.objectFormat].length;
    return [...known, ...added.map((path) => ({ path, from: undefined }))]
      .filter(({ path }) => fromText(toText(path)) === path)
      .filter(({ path }) => path.split('/').every((name) => unsafeComponent(name) === undefined))
      .flatMap(({ path, from }): SubmoduleMove[] => {
        const to = view.isGone(path) ? undefined : (readTip(view, path) ?? from);
        return to === from || (to !== undefined && to.length !== length) ? [] : [{ path, from, to }];
      })
      .sort((one, other) => (one.path < other.path ? -1 : 1));
  } finally {
    view.close();
  }
}

/**
 * Calls `work` with a path to the objects that the cage made in a submodule, every part of it opened without following a link. False where
 * there are none to be found.
 */
export function withSubmoduleObjects(
  workspace: PreparedWorkspace,
  path: BytePath,
  work: (objects: string) => void,
): boolean {
  const { strategy, directories } = workspace;
  const view = openView(workspace);
  const top = openDirectory(strategy === 'overlay' ? directories.upper : directories.tree);
  try {
    const gitDir = gitDirOf(view, path);
    if (gitDir === undefined) return false;
    withDirectoryBelow(top, `${gitDir}/objects`, (handle) => work(`/proc/self/fd/${handle}/.`));
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  } finally {
    closeSync(top);
    view.close();
  }
}

/** As git has it: another commit is a line that changed. */
export function moveDifference({ path, from, to }: SubmoduleMove): TreeDifference {
  const [before, after] = [from, to].map((oid) => (oid === undefined ? undefined : { mode: '160000', oid }));
  return {
    path: toText(path),
    change: from === undefined ? 'added' : to === undefined ? 'deleted' : 'modified',
    ...{ insertions: to === undefined ? 0 : 1, deletions: from === undefined ? 0 : 1 },
    ...{ binary: false, hostExecutable: false },
    bytes: { path, from: undefined },
    ...{ before, after },
  };
}

/** The moves among the files of a change. */
export function movesAmong(files: readonly DiffFile[]): SubmoduleMove[] {
  return files.flatMap(({ path, submodule }) =>
    submodule === undefined ? [] : [{ path: fromText(path), from: submodule.from, to: submodule.to }],
  );
}

/** A tree that holds nothing but these submodules: two of them compared are git’s own words for the moves. */
export function treeOfSubmodules(store: BaseStore, submodules: readonly { path: BytePath; oid: string }[]): string {
  const entries = new Map<BytePath, TreeEntry>();
  const below = new Map<BytePath, { path: BytePath; oid: string }[]>();
  for (const { path, oid } of submodules) {
    const [top = '', ...rest] = path.split('/');
    if (rest.length === 0) entries.set(top, { mode: '160000', oid });
    else below.set(top, [...(below.get(top) ?? []), { path: rest.join('/'), oid }]);
  }
  // A submodule within another one is no part of the outer tree: git would look for it in the inner one.
  for (const [name, inner] of below)
    if (!entries.has(name)) entries.set(name, { mode: '40000', oid: treeOfSubmodules(store, inner) });
  return storeTree(store, entries);
}

/** The paths that the tree’s own `.gitmodules` names. Git only parses it. */
async function submodulePaths(store: BaseStore, tree: string): Promise<BytePath[]> {
  const args = ['config', '--blob', `${tree}:.gitmodules`, '-z', '--get-regexp', '^submodule\\..*\\.path$'];
  // What cannot be parsed names nothing, to git as to us.
  const { stdout } = await git(args, { gitDir: store.gitDir, accept: [0, 1, 3, 128] });
  const values = stdout.toString('latin1').split('\0').filter(Boolean);
  return [...new Set(values.map((value) => value.slice(value.indexOf('\n') + 1)).filter(Boolean))];
}

/** The project as the cage sees it: of an overlay its layer over what lies below. */
interface View {
  /** Undefined where there is no regular file. */
  read(path: BytePath, maxBytes: number): Buffer | undefined;
  isGone(path: BytePath): boolean;
  /** Whether the cage itself has this file: what only shows through from the host is none of its doing. */
  isOwn(path: BytePath): boolean;
  /** The project-relative path of an absolute one inside the cage; undefined: it is elsewhere. */
  inside(path: string): BytePath | undefined;
  close(): void;
}

function openView({ strategy, directories, projectRoot }: PreparedWorkspace): View {
  const layered = strategy === 'overlay';
  const top = layered ? directories.upper : directories.tree;
  const [own, lower] = [openDirectory(top), layered ? openDirectory(projectRoot) : undefined];
  const isHidden = (path: BytePath): boolean => {
    for (let at = path; at !== ''; at = parentOf(at)) {
      const stat = lookAt(own, at);
      if (stat !== undefined) return !stat.isDirectory();
    }
    return false;
  };
  return {
    read: (path, maxBytes) => {
      if (lower === undefined || isHidden(path)) return readBelow(top, toText(path), maxBytes);
      return readBelow(projectRoot, toText(path), maxBytes);
    },
    isGone: (path) => {
      const stat = lookAt(own, path);
      if (stat !== undefined) return !stat.isDirectory();
      return lower === undefined || isHidden(path) || lookAt(lower, path)?.isDirectory() !== true;
    },
    isOwn: (path) => lower === undefined || lookAt(own, path) !== undefined,
    inside: (path) => (isInside(path, projectRoot) ? fromText(posix.relative(projectRoot, path)) : undefined),
    close: () => [own, lower].forEach((handle) => handle !== undefined && closeSync(handle)),
  };
}

function readTip(view: View, path: BytePath): string | undefined {
  try {
    return standsAt(view, path);
  } catch (error) {
    // What is no repository’s, or may not be read by anybody: the files of the submodule are seen all the same.
    if (error instanceof IronError || ['EACCES', 'EISDIR'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** The commit that a submodule’s HEAD leads to; undefined where that cannot be told, or where the cage has not touched it. */
function standsAt(view: View, path: BytePath): string | undefined {
  const gitDir = gitDirOf(view, path);
  if (gitDir === undefined) return undefined;
  const head = view.read(`${gitDir}/HEAD`, MAX_SMALL_BYTES)?.toString('latin1').trim() ?? '';
  const branch = /^ref:[ \t]*(refs\/[^\0\n]+)$/.exec(head)?.[1];
  const files = ['HEAD', 'packed-refs', ...(branch === undefined ? [] : [branch])].map((name) => `${gitDir}/${name}`);
  if (![`${path}/.git`, ...files].some((file) => view.isOwn(file))) return undefined;
  const tip = branch === undefined ? head : branchTip(view, gitDir, branch);
  return /^[0-9a-f]+$/.test(tip) ? tip : undefined;
}

function branchTip(view: View, gitDir: BytePath, branch: BytePath): string {
  const loose = view.read(`${gitDir}/${branch}`, MAX_SMALL_BYTES)?.toString('latin1').trim();
  if (loose !== undefined) return loose;
  const packed = view.read(`${gitDir}/packed-refs`, MAX_LIST_BYTES)?.toString('latin1').split('\n') ?? [];
  return packed.find((line) => line.endsWith(` ${branch}`))?.split(' ')[0] ?? '';
}

/** Where the submodule’s repository is, within the project; it may be a directory, or named in a file. */
function gitDirOf(view: View, path: BytePath): BytePath | undefined {
  const entry = `${path}/.git`;
  const pointer = view.read(entry, MAX_SMALL_BYTES)?.toString('latin1');
  if (pointer === undefined) return entry;
  const target = /^gitdir: (.+?)\r?\n*$/s.exec(pointer)?.[1];
  if (target === undefined) return undefined;
  if (target.startsWith('/')) return view.inside(posix.normalize(Buffer.from(target, 'latin1').toString('utf8')));
  const place = posix.normalize(`${path}/${target}`);
  return place.startsWith('../') || nameOf(place) === '..' ? undefined : place;
}
