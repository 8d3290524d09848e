// What a project is: a directory, and the repository behind it if it has one. Found by reading `.git` ourselves: asking git
// would cost a process per start and would let the project's settings speak first.
import { lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { isInside, readTextIfPresent } from '../platform/files.ts';

export type ObjectFormat = 'sha1' | 'sha256';

export interface Repository {
  /** Holds HEAD and the index; of a linked worktree its own. */
  gitDir: string;
  /** Holds refs, config and objects; differs from gitDir in a linked worktree. */
  commonDir: string;
  objectsDir: string;
  objectFormat: ObjectFormat;
  /** Whether `.git` in the project is the repository itself, a file that points elsewhere, or a link. */
  entry: 'directory' | 'file' | 'symlink';
}

export interface Project {
  /** Absolute, links resolved. */
  root: string;
  /** Undefined for a directory that is no work tree's root. */
  git: Repository | undefined;
}

/** Looks at the project as it stands now; throws E_NO_PROJECT when it is gone or no directory. */
export async function inspectProject(directory: string): Promise<Project> {
  let root: string;
  try {
    root = realpathSync(directory);
    if (!statSync(root).isDirectory()) throw noProject(directory, 'it is not a directory');
  } catch (error) {
    const code = systemErrorCode(error);
    if (error instanceof IronError || code === undefined) throw error;
    throw noProject(directory, code === 'ENOENT' ? 'there is nothing at this path' : `it cannot be read (${code})`);
  }
  return { root, git: findRepository(root) };
}

/** The root of the git work tree around `cwd` (a linked worktree's own root), or `cwd` itself outside of git. */
export async function resolveProjectRoot(cwd: string): Promise<string> {
  const { root: start } = await inspectProject(cwd);
  for (let directory = start; ; directory = dirname(directory)) {
    if (findRepository(directory) !== undefined) return directory;
    if (directory === dirname(directory)) return start;
  }
}

/** The repository whose work tree begins at `root`, or undefined; a broken `.git` counts as none, as git itself has it. */
export function findRepository(root: string): Repository | undefined {
  const dotGit = join(root, '.git');
  const kind = entryKind(dotGit);
  if (kind === undefined) return undefined;
  const gitDir = kind === 'file' ? readGitFile(dotGit) : realpathIfPresent(dotGit);
  if (gitDir === undefined) return undefined;
  const common = readTextIfPresent(join(gitDir, 'commondir'))?.trim();
  const commonDir = common === undefined ? gitDir : realpathIfPresent(resolve(gitDir, common));
  if (commonDir === undefined) return undefined;
  const objectsDir = realpathIfPresent(join(commonDir, 'objects'));
  if (objectsDir === undefined || entryKind(join(gitDir, 'HEAD')) === undefined) return undefined;
  if (entryKind(join(commonDir, 'refs')) === undefined) return undefined;
  return { gitDir, commonDir, objectsDir, objectFormat: readObjectFormat(commonDir), entry: kind };
}

/** Whether the repository's files all lie inside the project, so that they come along with it. */
export function isSelfContained(project: Project): boolean {
  const { root, git } = project;
  return (
    git === undefined || (git.entry === 'directory' && isInside(git.commonDir, root) && isInside(git.objectsDir, root))
  );
}

function entryKind(path: string): Repository['entry'] | undefined {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return 'symlink';
    return stat.isDirectory() ? 'directory' : 'file';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

function readGitFile(path: string): string | undefined {
  const stat = lstatSync(path);
  if (!stat.isFile() || stat.size > 64 * 1024) return undefined;
  const target = /^gitdir: (.+?)\r?\n*$/s.exec(readFileSync(path, 'utf8'))?.[1];
  if (target === undefined) return undefined;
  return realpathIfPresent(isAbsolute(target) ? target : resolve(dirname(path), target));
}

function readObjectFormat(commonDir: string): ObjectFormat {
  const config = readTextIfPresent(join(commonDir, 'config')) ?? '';
  return /^[ \t]*objectformat[ \t]*=[ \t]*"?sha256/im.test(config) ? 'sha256' : 'sha1';
}

function realpathIfPresent(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

function noProject(directory: string, because: string): IronError {
  return new IronError('E_NO_PROJECT', {
    message: `there is no project at ${directory}`,
    because,
    hint: 'name an existing directory, or move the project back to where it was',
    details: { directory },
  });
}
