// What lies over a mounted project inside its cage: a repository of the cage's own in the place of the project's, repositories within
// it read-only, files that look like secrets covered. Found anew for every start, since the project lives on. Directories are guarded
// as directories: a mount over a single file is gone once somebody on the host replaces that file.
import { lchownSync, lstatSync, mkdirSync, realpathSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { isInside, pathExists, readTextIfPresent } from '../platform/files.ts';
import { toText, type BytePath } from './byte-path.ts';
import { borrowedObjectDirs } from './borrowed-objects.ts';
import { ignoredSecrets, untrackedEntries } from './ignored-secrets.ts';
import { BORROWED, mountedGitDir, mountedPlaces, readGiven } from './mounted-git.ts';
import { findNested, unguarded } from './nested-repositories.ts';
import { inspectProject, type Project } from './project.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface MountGuard {
  binds: readonly { source: string; target: string; writable: boolean }[];
  /** Absolute paths of files that are covered. */
  masks: readonly string[];
}

/** Throws E_PROTECTION for a project that cannot be guarded. */
export async function guardMount(workspace: PreparedWorkspace): Promise<MountGuard> {
  const project = await inspectProject(workspace.projectRoot);
  const [nested, untracked] = await Promise.all([findNested(project), untrackedEntries(project, workspace.base)]);
  return {
    binds: [
      ...ownGit(workspace, project),
      ...nested.flatMap((path) => guardNested(workspace, join(project.root, path))),
    ],
    masks: [...new Set(ignoredSecrets(project, untracked).flatMap(({ path }) => fileBehind(project.root, path)))],
  };
}

function ownGit(workspace: PreparedWorkspace, project: Project): MountGuard['binds'] {
  const directory = workspaceDirectory(workspace.storeDirectory);
  const { empty, emptyFile, pointer } = mountedPlaces(directory);
  const dotGit = join(project.root, '.git');
  const kind = kindOf(dotGit);
  if (kind === 'other') {
    throw unguarded(project.root, 'its .git is a link, which a cage could replace', 'make .git a directory or a file');
  }
  const given = readGiven(directory);
  const { git: repository } = project;
  if ((repository === undefined) !== (given === undefined)) {
    throw unguarded(
      project.root,
      repository === undefined ? 'its repository is gone' : 'it has become a repository since the cage was made',
      'make the cage anew: ironcage rm, then ironcage create --workspace mount',
    );
  }
  if (repository === undefined || given === undefined) {
    if (kind === 'file') return [{ source: emptyFile, target: dotGit, writable: false }];
    if (kind === undefined && !workspace.writable) return [];
    // A repository that a cage made here would be run by git on the host. An empty directory is none.
    if (kind === undefined) makePlace(dotGit, workspace);
    return [{ source: empty, target: dotGit, writable: false }];
  }
  if (
    /^[ \t]*refstorage[ \t]*=[ \t]*"?reftable/im.test(readTextIfPresent(join(repository.commonDir, 'config')) ?? '')
  ) {
    throw unguarded(project.root, 'its branches are kept in a reftable', 'use --workspace copy');
  }
  const own = mountedGitDir(directory, given);
  const target = repository.entry === 'file' ? repository.gitDir : dotGit;
  return [
    ...(repository.entry === 'file' ? [readOnly(pointer, dotGit)] : []),
    { source: own, target, writable: workspace.writable },
    ...['config', 'hooks', 'objects/info/alternates'].map((name) => readOnly(join(own, name), join(target, name))),
    readOnly(repository.objectsDir, join(target, BORROWED)),
    ...borrowedObjectDirs(repository.objectsDir)
      .filter((path) => !isInside(path, project.root))
      .map((path) => readOnly(path, path)),
  ];
}

function readOnly(source: string, target: string): MountGuard['binds'][number] {
  return { source, target, writable: false };
}

/** Read-only and, where it has a repository of its own and no pointer to one, without that. */
function guardNested(workspace: PreparedWorkspace, path: string): MountGuard['binds'] {
  const { empty } = mountedPlaces(workspaceDirectory(workspace.storeDirectory));
  const kind = kindOf(path);
  if (kind !== 'directory') return kind === undefined ? [{ source: empty, target: path, writable: false }] : [];
  const dotGit = join(path, '.git');
  return [
    { source: path, target: path, writable: false },
    ...(kindOf(dotGit) === 'directory' ? [{ source: empty, target: dotGit, writable: false }] : []),
  ];
}

/** The file itself, also behind a link: one that leads out of the project leads nowhere inside. */
function fileBehind(root: string, path: BytePath): string[] {
  try {
    const real = realpathSync(join(root, toText(path)));
    return isInside(real, root) && lstatSync(real).isFile() ? [real] : [];
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

function kindOf(path: string): 'directory' | 'file' | 'other' | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
}

function makePlace(path: string, { storeDirectory, owner }: PreparedWorkspace): void {
  writeFileSync(mountedPlaces(workspaceDirectory(storeDirectory)).placed, '');
  mkdirSync(path);
  // Another cage may write in the same project.
  if (owner !== undefined) lchownSync(path, owner.uid, owner.gid);
}

/** Takes the empty directory away that stood for no repository; nothing else of the project is ever deleted. */
export function removePlace({ storeDirectory, projectRoot, strategy }: PreparedWorkspace): void {
  if (strategy !== 'mount' || !pathExists(mountedPlaces(workspaceDirectory(storeDirectory)).placed)) return;
  try {
    rmdirSync(join(projectRoot, '.git'));
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EACCES', 'EROFS'].includes(systemErrorCode(error) ?? '')) throw error;
  }
}
