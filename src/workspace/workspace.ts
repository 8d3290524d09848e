// A workspace as the rest of ironcage sees it: where its directories are, what its base is, what was left out.
import { join } from 'node:path';
import type { Base } from './base.ts';
import type { Owner } from './copy-tree.ts';

export interface PreparedWorkspace {
  storeDirectory: string;
  strategy: 'overlay' | 'copy' | 'mount';
  /** False of a project that is mounted read-only. */
  writable: boolean;
  /** Absolute path of the project: on the host, and inside. */
  projectRoot: string;
  /** Whether files that git ignores and that look like secrets came along. */
  includeIgnored: boolean;
  owner: Owner | undefined;
  directories: WorkspaceDirectories;
  base: Base;
  /** Files of the project that the cage does not get. */
  leftOut: readonly { path: string; reason: string }[];
  /** Absolute paths inside the cage that the backend has to cover with something empty. */
  maskedPaths: readonly string[];
  /** Directories of the host that git inside reads; bind them read-only. */
  extraReadOnlyBinds: readonly { source: string; target: string }[];
  /** Tree of the cage when all of its change was last applied. */
  lastApplied: string | undefined;
  /** The commit that was checked out in the cage then. */
  lastAppliedTip: string | undefined;
}

export interface WorkspaceDirectories {
  /**
   * Overlay: the cage's changes. Mount with `lowerdir=projectRoot,upperdir=upper,workdir=work,userxattr`. Its parent holds
   * nothing but these two layers.
   */
  upper: string;
  work: string;
  /** Overlay: a free place to mount at. */
  merged: string;
  /** The directory that the cage has as its project: of a copy our own, of a mount the project itself. */
  tree: string;
}

export function directoriesOf(directory: string): WorkspaceDirectories {
  return {
    upper: join(directory, 'layers', 'upper'),
    work: join(directory, 'layers', 'work'),
    merged: join(directory, 'merged'),
    tree: join(directory, 'tree'),
  };
}

/** Where the workspace of a cage lies below its store directory. */
export function workspaceDirectory(storeDirectory: string): string {
  return join(storeDirectory, 'workspace');
}

/** The workspace in `storeDirectory`, or undefined when none was finished there. */
export async function loadWorkspace(storeDirectory: string): Promise<PreparedWorkspace | undefined> {
  const { readWorkspaceRecord } = await import('./workspace-file.ts');
  const directory = workspaceDirectory(storeDirectory);
  const record = await readWorkspaceRecord(directory);
  if (record === undefined) return undefined;
  return {
    storeDirectory,
    strategy: record.strategy,
    writable: record.writable ?? true,
    projectRoot: record.projectRoot,
    includeIgnored: record.includeIgnored ?? false,
    owner: record.owner,
    directories: {
      ...directoriesOf(directory),
      ...(record.strategy === 'mount' ? { tree: record.projectRoot } : {}),
    },
    base: {
      ...record.base,
      gitDir: join(directory, 'base.git'),
      head: record.base.head,
      submodules: record.base.submodules ?? [],
    },
    leftOut: record.leftOut,
    maskedPaths: record.maskedPaths,
    extraReadOnlyBinds: record.extraReadOnlyBinds,
    lastApplied: record.lastApplied,
    lastAppliedTip: record.lastAppliedTip,
  };
}
