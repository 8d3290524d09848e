// The host's project as it stands now, recorded the same way as the base, and what stands in the way of writing to it.
import { closeSync, lstatSync, readdirSync, rmSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { baseStore, BASE_INDEX, newSecrets } from './base.ts';
import { below, bytePath, nameOf, parentOf, toText, type BytePath } from './byte-path.ts';
import { isGone, openDirectory, statAt, withDirectoryBelow } from './directory-handle.ts';
import type { GitSettings } from './git.ts';
import type { Conflict } from './merge-trees.ts';
import type { Project } from './project.ts';
import { recordTree } from './record-tree.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** Records the project; costs by what changed since it was last recorded. The caller holds the cage's lock. */
export async function recordHostTree(
  workspace: PreparedWorkspace,
  project: Project,
  settings?: Promise<GitSettings>,
): Promise<string> {
  const index = join(workspace.base.gitDir, BASE_INDEX);
  // Left by a git that was killed; nobody else uses this index.
  rmSync(`${index}.lock`, { force: true });
  const store = baseStore(workspace.base);
  const leaveOut = workspace.includeIgnored ? undefined : newSecrets(project);
  const recorded = await recordTree({ store, project, index, prime: 'index', settings, leaveOut });
  return recorded.tree;
}

/** What shall happen to one path of the host. */
export interface HostWrite {
  path: BytePath;
  /** Undefined: the path did not exist when the host was recorded. */
  before: { mode: string; oid: string } | undefined;
  /** Undefined: delete. */
  after: { mode: string; oid: string } | undefined;
}

/** Paths that cannot be written as planned: something git ignores is there, or a link or file is where a directory must be. */
export function findObstacles(root: string, writes: readonly HostWrite[]): Conflict[] {
  const deleted = new Set(writes.filter((write) => write.after === undefined).map((write) => write.path));
  const handle = openDirectory(root);
  try {
    return writes.flatMap((write) => {
      if (write.after === undefined) return [];
      const kind = obstacle(root, handle, write, deleted);
      return kind === undefined ? [] : [{ path: toText(write.path), kind }];
    });
  } finally {
    closeSync(handle);
  }
}

function obstacle(root: string, handle: number, write: HostWrite, deleted: ReadonlySet<BytePath>): string | undefined {
  for (let parent = parentOf(write.path); parent !== ''; parent = parentOf(parent)) {
    const stat = lookAt(handle, parent);
    if (stat === undefined || stat === 'blocked') continue;
    if (!stat.isDirectory() && !deleted.has(parent)) return 'blocked';
    break;
  }
  const stat = lookAt(handle, write.path);
  if (stat === 'blocked' || stat === undefined) return undefined;
  if (stat.isDirectory())
    return holdsOnly(below(root, write.path), write.path, deleted) ? undefined : 'directory exists';
  return write.before === undefined ? 'exists' : undefined;
}

/** `blocked`: some directory above is none. */
function lookAt(handle: number, path: BytePath): BigIntStats | undefined | 'blocked' {
  try {
    return withDirectoryBelow(handle, parentOf(path), (parent) => statAt(parent, nameOf(path)));
  } catch (error) {
    if (isGone(error)) return 'blocked';
    throw error;
  }
}

/** Whether everything in a directory is going to be deleted, so that a file can take its place. */
function holdsOnly(directory: Buffer, path: BytePath, deleted: ReadonlySet<BytePath>): boolean {
  return readdirSync(directory, { encoding: 'buffer' }).every((name) => {
    const inner = `${path}/${bytePath(name)}`;
    const file = Buffer.concat([directory, Buffer.from('/'), name]);
    return lstatSync(file).isDirectory() ? holdsOnly(file, inner, deleted) : deleted.has(inner);
  });
}
