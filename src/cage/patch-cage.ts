// A cage's work as patches in files: the agent's commits, and what was not committed as the last one.
import { closeSync, constants, fchownSync, lchownSync, lstatSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { realPathSoFar, removeTree } from '../platform/files.ts';
import { fromText } from '../workspace/byte-path.ts';
import {
  entryPath,
  listNames,
  openDirectory,
  openDirectoryAt,
  type DirectoryHandle,
} from '../workspace/directory-handle.ts';
import { makePatches, type Patch, type Patches } from '../workspace/patches.ts';
import type { Context } from './context.ts';
import { repairCage } from './repair.ts';
import { readSpec, withCageLock } from './store.ts';
import { placeOf, requireWorkspace } from './workspaces.ts';

/** Below the current directory, with an ignore file of its own: no git and no export takes it for work. */
const OWN_DIRECTORY = '.ironcage-patches';
const PATCH_FILE = /^\d{4}-.*\.patch$/;

export interface PatchesView extends Patches {
  cage: string;
  dir?: string;
}

/** Works on a running cage (a moment's view of it) and on a stopped one, and changes neither it nor the project. */
export async function patchesOfCage(context: Context, name: string, dir = ''): Promise<PatchesView> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const spec = await readSpec(context, name);
    const workspace = await requireWorkspace(spec, placeOf(context, spec, dir));
    const made = await makePatches(workspace, {
      cageName: dir === '' ? name : `${name}, directory ${dir}`,
      nowMs: context.clock.now(),
      tell: (line) => context.progress(line),
    });
    return { cage: name, ...(dir === '' ? {} : { dir }), ...made };
  });
}

/** Writes them into `output`, or into a directory of the cage's below the current one; returns that directory. */
export function writePatches(
  context: Context,
  { cage, dir, patches }: PatchesView,
  output: string | undefined,
): string {
  const own = dir === undefined ? cage : `${cage}.${dir}`;
  const place = output === undefined ? openOwn(context.cwd, own) : openGiven(resolve(context.cwd, output));
  try {
    for (const patch of patches) writePatch(place.handle, patch);
  } finally {
    closeSync(place.handle);
  }
  return place.path;
}

interface Place {
  handle: DirectoryHandle;
  path: string;
}

/** Made anew: patches of an earlier state beside these would be applied with them. */
function openOwn(cwd: string, name: string): Place {
  const start = openDirectory(realPathSoFar(cwd));
  let top: DirectoryHandle | undefined;
  try {
    top = makeDirectoryAt(start, OWN_DIRECTORY);
    writeNew(top, '.gitignore', '*\n');
    const path = join(cwd, OWN_DIRECTORY, name);
    const handle = makeDirectoryAt(top, name);
    const strange = listNames(handle).filter((file) => !PATCH_FILE.test(file));
    if (strange.length > 0) throw occupied(path, strange);
    for (const file of listNames(handle)) removeTree(`/proc/self/fd/${handle}/${file}`, `/proc/self/fd/${handle}`);
    return { handle, path };
  } finally {
    closeSync(start);
    if (top !== undefined) closeSync(top);
  }
}

function openGiven(path: string): Place {
  makeParents(path);
  const handle = openDirectory(realPathSoFar(path));
  const present = listNames(handle).filter((file) => PATCH_FILE.test(file));
  if (present.length === 0) return { handle, path };
  closeSync(handle);
  throw occupied(path, present);
}

function makeParents(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  makeParents(resolve(path, '..'));
  mkdirSync(path);
  giveToOwnerOf(path, resolve(path, '..'));
}

function makeDirectoryAt(parent: DirectoryHandle, name: string): DirectoryHandle {
  const path = entryPath(parent, fromText(name));
  try {
    mkdirSync(path);
    giveToOwnerOf(path, `/proc/self/fd/${parent}/.`);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
  try {
    return openDirectoryAt(parent, fromText(name));
  } catch (error) {
    throw new IronError('E_REFUSED', {
      message: `${name} is there and is no directory`,
      because: 'patches are never written through a link',
      hint: 'take it away, or name another directory: -o DIR',
      cause: error,
    });
  }
}

function writePatch(directory: DirectoryHandle, { file, contents }: Patch): void {
  if (!PATCH_FILE.test(file) || file.includes('/')) throw new Error(`no name of a patch: ${file}`);
  writeNew(directory, file, contents);
}

/** What is there already stays. */
function writeNew(directory: DirectoryHandle, name: string, contents: string | Buffer): void {
  const path = entryPath(directory, fromText(name));
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST' && name === '.gitignore') return;
    throw error;
  }
  try {
    writeFileSync(fd, contents);
    const { uid, gid } = lstatSync(`/proc/self/fd/${directory}/.`);
    if (process.geteuid?.() === 0) fchownSync(fd, uid, gid);
  } finally {
    closeSync(fd);
  }
}

/** What root makes in a user's directory belongs to that user. */
function giveToOwnerOf(path: string | Buffer, parent: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = lstatSync(parent);
  lchownSync(path, uid, gid);
}

function occupied(path: string, names: readonly string[]): IronError {
  return new IronError('E_REFUSED', {
    message: `${path} holds other files already: ${names.slice(0, 5).join(', ')}`,
    because: 'patches are written in order, and what lies between them would be applied with them',
    hint: 'name an empty directory with -o DIR, or take these away',
  });
}
