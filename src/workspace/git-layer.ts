// Puts what a cage's repository is to hold into a directory that lies over the project's own: an overlay's upper layer, a copy, or
// the repository of a mounted project. Never writes to the project.
import { chmodSync, chownSync, lchownSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { systemErrorCode } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { below, parentOf, type BytePath } from './byte-path.ts';
import type { CageGitPlan } from './cage-git.ts';
import { copyTree, type Owner } from './copy-tree.ts';
import type { Project } from './project.ts';

/** A directory that lies over the project and is being filled. */
export interface Layer {
  project: Project;
  root: Buffer;
  owner: Owner | undefined;
}

export async function applyGitPlan(layer: Layer, plan: CageGitPlan): Promise<void> {
  for (const { path, from } of plan.copy) {
    makeParents(layer, path);
    await copyTree({
      source: Buffer.from(from),
      target: below(layer.root, path),
      owner: layer.owner,
      skip: (inner) => inner.endsWith('.lock') || (path.endsWith('/objects') && inner === 'info/alternates'),
    });
  }
  for (const { path, contents } of plan.write) {
    makeParents(layer, path);
    const file = below(layer.root, path);
    rmSync(file, { force: true });
    writeFileSync(file, contents, { flag: 'wx', mode: 0o644 });
    if (layer.owner !== undefined) lchownSync(file, layer.owner.uid, layer.owner.gid);
  }
}

/** Makes the directories above `path` in the layer, with the permissions they have in the project. */
export function makeParents(layer: Layer, path: BytePath): void {
  const parent = parentOf(path);
  if (parent === '') return;
  const directory = below(layer.root, parent);
  if (pathExists(directory.toString('utf8'))) return;
  makeParents(layer, parent);
  mkdirSync(directory);
  chmodSync(directory, directoryMode(below(layer.project.root, parent)));
  if (layer.owner !== undefined) chownSync(directory, layer.owner.uid, layer.owner.gid);
}

function directoryMode(path: Buffer): number {
  try {
    const stat = lstatSync(path);
    return stat.isDirectory() ? stat.mode & 0o777 : 0o755;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return 0o755;
    throw error;
  }
}
