// Which further directories a cage is to have: those it has and those that are named on top, each looked at as a project is. No
// directory of a cage lies in another one, nor does its repository: what is written in one would be in the other.
import { resolve } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { isInside } from '../platform/files.ts';
import { inspectProject, type Project } from '../workspace/project.ts';
import type { Context } from './context.ts';
import { currentCaller, mountOwner } from './identity.ts';
import { defaultDirName, parseDirName } from './names.ts';
import type { WantedDir } from './options.ts';
import { refusePrivateProject, refuseWideProject } from './sources.ts';
import type { CageSpec, SpecDir } from './spec.ts';

type Place = Pick<CageSpec, 'project' | 'workspace' | 'binds'>;

/** One that the cage has already stays as it is. Throws E_NO_PROJECT, E_PROTECTION and E_NAME; touches nothing. */
export async function mergeDirs(
  context: Context,
  place: Place,
  present: readonly SpecDir[],
  wanted: readonly WantedDir[],
): Promise<SpecDir[]> {
  const dirs = [...present];
  for (const { path, name } of wanted) {
    const found = await inspectProject(resolve(context.cwd, path));
    if (dirs.some((dir) => dir.path === found.root && (name === undefined || name === dir.name))) continue;
    refuseSource(context, place, found.root);
    for (const root of [place.project, ...dirs.map((dir) => dir.path)]) refuseOverlap(found, await inspectOther(root));
    dirs.push({ name: nameFor(found.root, name, dirs), path: found.root });
  }
  return dirs;
}

/** A directory that is gone meanwhile has no repository to look at, and still a place. */
async function inspectOther(root: string): Promise<Project> {
  try {
    return await inspectProject(root);
  } catch (error) {
    if (error instanceof IronError && error.code === 'E_NO_PROJECT') return { root, git: undefined };
    throw error;
  }
}

function refuseSource(context: Context, { project, workspace, binds }: Place, path: string): void {
  refuseWideProject(path, context);
  const mount = binds.find(({ target }) => target === path);
  if (mount !== undefined) throw refused(path, `--mount shows ${mount.source} at that place`);
  if (workspace === 'copy') return;
  refusePrivateProject(path, context);
  const caller = currentCaller();
  const [owner, other] = [path, project].map((each) => JSON.stringify(mountOwner(caller, each, workspace)));
  if (workspace === 'mount' && owner !== other) {
    throw new IronError('E_PROTECTION', {
      message: `${path} cannot be mounted beside ${project}`,
      because: 'they belong to different users, and a cage runs as one',
      hint: 'use --workspace copy, or run ironcage as a user who may write to both',
    });
  }
}

function refuseOverlap(one: Project, other: Project): void {
  if (one.root === other.root) throw refused(one.root, 'the cage has it already');
  if (isInside(one.root, other.root)) throw refused(one.root, `it lies in ${other.root}, which the cage has already`);
  if (isInside(other.root, one.root)) throw refused(one.root, `${other.root} lies in it, which the cage has already`);
  const shared = [
    ...repositoryPaths(one).filter((path) => isInside(path, other.root)),
    ...repositoryPaths(other).filter((path) => isInside(path, one.root)),
  ];
  if (shared.length === 0) return;
  throw refused(one.root, `it shares the repository ${shared[0] ?? ''} with ${other.root}, which the cage has already`);
}

function repositoryPaths({ git }: Project): string[] {
  return git === undefined ? [] : [git.gitDir, git.commonDir, git.objectsDir];
}

function nameFor(path: string, name: string | undefined, dirs: readonly SpecDir[]): string {
  const taken = dirs.map((dir) => dir.name);
  if (name === undefined) return defaultDirName(path, taken);
  if (!taken.includes(parseDirName(name))) return name;
  throw new IronError('E_NAME', {
    message: `the cage has a further directory ${name} already`,
    hint: 'choose another --name',
  });
}

function refused(path: string, because: string): IronError {
  return new IronError('E_NO_PROJECT', {
    message: `${path} cannot be a further directory of the cage`,
    because,
    hint: 'name a directory that lies beside the others; ironcage show lists what the cage has',
  });
}
