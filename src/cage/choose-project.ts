// From what a user names to the project of a cage: a directory (with its work tree, where it lies in one), or a git URL, whose clone
// then is the project. Touches nothing.
import { join, resolve } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import { inspectProject, resolveProjectRoot } from '../workspace/project.ts';
import type { Context } from './context.ts';
import { isGitUrl, parseGitUrl, type GitUrl } from './git-url.ts';
import { defaultCageName, nameOfUrl } from './names.ts';
import type { CageRequest } from './options.ts';
import { isWideProject, refusePrivateProject, refuseWideProject } from './sources.ts';
import { cagePaths } from './store.ts';

export interface ChosenProject {
  name: string;
  project: string;
  /** A directory below the project that was named: where programs start. */
  startIn?: string | undefined;
  /** What the project is to be cloned from. */
  clone?: GitUrl | undefined;
}

type Wanted = Pick<CageRequest, 'name' | 'workspace' | 'branch' | 'depth'>;

/** `source` absent: the work tree around the current directory. Throws E_USAGE and E_NO_PROJECT. */
export async function chooseProject(
  context: Context,
  source: string | undefined,
  wanted: Wanted,
): Promise<ChosenProject> {
  if (source !== undefined && isGitUrl(source)) return chooseClone(context, parseGitUrl(source), wanted);
  if (wanted.branch !== undefined || wanted.depth !== undefined) {
    throw new IronError('E_USAGE', {
      message: '--branch and --depth are for a cage that is made from a git URL',
      because: 'a directory comes as it stands',
      hint: 'check the branch out first, or make a worktree of it (git worktree add) and name that',
    });
  }
  const { project, startIn } = await chooseDirectory(context, source);
  refuseWideProject(project, context);
  if (wanted.workspace !== 'copy') refusePrivateProject(project, context);
  return { name: wanted.name ?? defaultCageName(project), project, startIn };
}

async function chooseDirectory(
  context: Context,
  source: string | undefined,
): Promise<Pick<ChosenProject, 'project' | 'startIn'>> {
  if (source === undefined) return { project: await resolveProjectRoot(context.cwd) };
  const { root, git } = await inspectProject(resolve(context.cwd, source));
  if (git === undefined && isBareRepository(root)) {
    throw new IronError('E_NO_PROJECT', {
      message: `${root} is a repository without files`,
      because: 'a cage needs the files, and would get the inside of the repository',
      hint: `clone it: ironcage create file://${root}`,
    });
  }
  const around = await resolveProjectRoot(root);
  // A home that is itself a work tree (settings of its user) is not what was meant.
  if (around === root || isWideProject(around, context)) return { project: root };
  return { project: around, startIn: root };
}

function isBareRepository(directory: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((name) => pathExists(join(directory, name)));
}

function chooseClone(context: Context, clone: GitUrl, wanted: Wanted): ChosenProject {
  if (wanted.workspace !== 'copy') {
    throw new IronError('E_USAGE', {
      message: `--workspace ${wanted.workspace} does not go with a git URL`,
      because: 'the clone lies with the data of ironcage, which no cage may write',
      hint: 'leave --workspace out, or clone it yourself and name the directory',
    });
  }
  const name = wanted.name ?? nameOfUrl(clone.repository, clone.url);
  return { name, project: clonePath(context, name, clone), clone };
}

/** Below the directory of its cage, and gone with it. */
export function clonePath(context: Context, name: string, { repository }: Pick<GitUrl, 'repository'>): string {
  return join(cagePaths(context, name).source, repository);
}
