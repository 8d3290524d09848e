// The repository that a cage has of a mounted project: its own, at the place of the project's, reading the project's objects and
// writing none. What a repository can run (hooks, settings, a `commondir`) lies beside what git has to write (index, HEAD), and a
// mount over a single file is gone as soon as git on the host replaces that file: so nothing of the host's repository is
// writable inside, and return-commits.ts brings back what was committed.
import { appendFileSync, chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { planMountedGit } from './cage-git.ts';
import type { Owner } from './copy-tree.ts';
import { applyGitPlan, makeParents } from './git-layer.ts';
import { readGitPosition, type GitPosition } from './git-position.ts';
import { findNested } from './nested-repositories.ts';
import type { Project, Repository } from './project.ts';

/** Below the repository's own directory, inside: where the project's objects are mounted. */
export const BORROWED = 'borrowed/objects';

/** What the cage was given, and what has come back since. */
export interface GivenGit {
  /** Name of the directory that holds the repository. */
  directory: string;
  head: string;
  refs: Readonly<Record<string, string>>;
  /** SHA-256 of the index: of the host’s, and of the cage’s that says the same. */
  hostIndex?: string | undefined;
  cageIndex?: string | undefined;
  /** What was kept in the project below refs/ironcage, since its own place there was not free. */
  saved: Readonly<Record<string, string>>;
}

const schema = z.strictObject({
  directory: z.string().regex(/^git-\d+$/),
  head: z.string(),
  refs: z.record(z.string(), z.string()),
  hostIndex: z.string().optional(),
  cageIndex: z.string().optional(),
  saved: z.record(z.string(), z.string()),
});

interface MountedPlaces {
  top: string;
  /** Mounted where there is to be no repository. */
  empty: string;
  emptyFile: string;
  /** Mounted over the file by which a work tree names its repository. */
  pointer: string;
  /** There when the project has an empty directory of ours for its repository. */
  placed: string;
}

/** `directory`: that of the workspace. */
export function mountedPlaces(directory: string): MountedPlaces {
  const top = join(directory, 'mounted');
  const [empty, emptyFile, pointer] = [join(top, 'empty'), join(top, 'empty-file'), join(top, 'pointer')];
  return { top, empty, emptyFile, pointer, placed: join(top, 'placed') };
}

export function mountedGitDir(directory: string, given: Pick<GivenGit, 'directory'>): string {
  return join(mountedPlaces(directory).top, given.directory, '.git');
}

/** What the cage of this workspace was given; undefined for a project without a repository. Throws E_STATE_BROKEN. */
export function readGiven(directory: string): GivenGit | undefined {
  const file = join(mountedPlaces(directory).top, GIVEN);
  const text = readTextIfPresent(file);
  if (text === undefined) return undefined;
  const result = schema.safeParse(parsed(text));
  if (result.success) return result.data;
  throw new IronError('E_STATE_BROKEN', {
    message: `the record of a mounted repository cannot be read: ${file}`,
    because: z.prettifyError(result.error),
    hint: 'restore the file from a backup; the cage’s commits lie beside it',
    details: { path: file },
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function writeGiven(directory: string, given: GivenGit): void {
  writeFileAtomic(join(mountedPlaces(directory).top, GIVEN), `${JSON.stringify(given)}\n`);
}

const GIVEN = 'given.json';

/** Makes what a mounted project needs besides the project itself, in the workspace that is being built at `directory`. */
export async function layMountedGit(project: Project, directory: string, owner: Owner | undefined): Promise<void> {
  const { top, empty, emptyFile, pointer } = mountedPlaces(directory);
  for (const path of [top, empty]) {
    mkdirSync(path);
    // The cage's uid may be another than ours.
    chmodSync(path, 0o755);
  }
  writePublic(emptyFile, '');
  if (project.git === undefined) return;
  writePublic(pointer, `gitdir: ${project.git.gitDir}\n`);
  // Git trusts no pointer of somebody else's.
  if (owner !== undefined) chownSync(pointer, owner.uid, owner.gid);
  await renewMountedGit(project, project.git, directory, owner);
}

function writePublic(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}

/** A new repository of the project as it stands takes the place of the one before, all at once. Nobody may be in the cage. */
export async function renewMountedGit(
  project: Project,
  repository: Repository,
  directory: string,
  owner: Owner | undefined,
): Promise<void> {
  const { top } = mountedPlaces(directory);
  const before = readGiven(directory)?.directory;
  const name = `git-${Number(before?.slice('git-'.length) ?? 0) + 1}`;
  const root = join(top, name);
  removeTree(root, top);
  mkdirSync(root, { mode: 0o755 });
  const hostIndex = readGitPosition(repository.gitDir, repository.commonDir).index;
  const layer = { project, root: Buffer.from(root), owner };
  await applyGitPlan(layer, await planMountedGit(repository, `../${BORROWED}`));
  for (const path of [BORROWED, 'hooks', 'objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info'])
    makeParents(layer, `.git/${path}/.`);
  // Without their repositories they would be files like any other.
  const nested = (await findNested(project)).map((path) => `/${path.replace(/[\\*?[\]!# ]/g, '\\$&')}/\n`);
  appendFileSync(join(root, '.git/info/exclude'), nested.join(''));
  if (owner !== undefined) chownSync(root, owner.uid, owner.gid);
  const { head, refs, index }: GitPosition = readGitPosition(join(root, '.git'));
  const given = { head, refs: Object.fromEntries(refs), hostIndex, cageIndex: index, saved: {} };
  writeGiven(directory, { directory: name, ...given });
  for (const other of readdirSync(top)) {
    if (/^git-\d+$/.test(other) && other !== name) removeTree(join(top, other), top);
  }
}
