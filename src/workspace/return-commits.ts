// Brings what was committed in a mounted project's cage back into the project's repository: objects as a checked pack, branches
// that nobody else moved, and the index with the branch that is checked out. What has no free place there, or would make git on the
// host look into a repository that the cage made, is kept below refs/ironcage: nothing is lost and nothing is overwritten. Git is
// run on copies of the cage's data only, never in its repository.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { pathExists, readTextIfPresent, removeTree } from '../platform/files.ts';
import { baseStore } from './base.ts';
import { zeroOid } from './base-store.ts';
import { copyObjects } from './copy-objects.ts';
import { git, readEffectiveConfig } from './git.ts';
import { branchOf, readGitPosition, tipOf, type GitPosition } from './git-position.ts';
import { giveToOwner, handOver } from './hand-over.ts';
import { mountedGitDir, readGiven, renewMountedGit, writeGiven, type GivenGit } from './mounted-git.ts';
import { inspectProject, type Repository } from './project.ts';
import {
  cageIndex,
  knownLinks,
  linksInTree,
  replaceIndex,
  unknownTo,
  type CageIndex,
  type Place,
} from './returned-index.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface ReturnedCommits {
  /** Full names of branches and tags that the project has now as the cage has them. */
  moved: readonly string[];
  /** What was kept elsewhere in the project, and why. */
  saved: readonly { ref: string; as: string; because: string }[];
  /** Why HEAD and the index of the project stayed while the cage's HEAD moved. */
  checkoutStays: string | undefined;
}

const NOTHING: ReturnedCommits = { moved: [], saved: [], checkoutStays: undefined };

/** The names of what was committed in the cage and is not in the project yet. */
export function unreturnedRefs(workspace: PreparedWorkspace): string[] {
  const directory = workspaceDirectory(workspace.storeDirectory);
  const given = readGiven(directory);
  if (given === undefined) return [];
  return [...changedRefs(given, readGitPosition(mountedGitDir(directory, given))).keys()];
}

/** HEAD itself is among them where it stands for no branch. */
function changedRefs(given: GivenGit, cage: GitPosition): Map<string, string> {
  const all = new Map(cage.refs);
  if (branchOf(cage) === undefined && cage.head !== given.head) all.set('HEAD', cage.head);
  return new Map([...all].filter(([ref, oid]) => given.refs[ref] !== oid && given.saved[ref] !== oid));
}

/** The cage may run meanwhile: a moment's view of it counts. `cageName` stands in what is kept elsewhere. */
export async function returnCommits(workspace: PreparedWorkspace, cageName: string): Promise<ReturnedCommits> {
  const directory = workspaceDirectory(workspace.storeDirectory);
  const given = readGiven(directory);
  if (given === undefined) return NOTHING;
  const gitDir = mountedGitDir(directory, given);
  const cage = readGitPosition(gitDir);
  const changed = changedRefs(given, cage);
  if (changed.size === 0 && cage.head === given.head && cage.index === given.cageIndex) return NOTHING;
  const { git: repository } = await inspectProject(workspace.projectRoot);
  if (repository === undefined) throw noRepository(workspace.projectRoot);
  const quarantine = join(directory, 'returning');
  removeTree(quarantine, directory);
  mkdirSync(quarantine, { mode: 0o700 });
  try {
    const objects = join(quarantine, 'objects');
    // Without the list of other places: nothing but these objects and the project's own is read.
    copyObjects(join(gitDir, 'objects'), objects);
    const sides = { given, cage, host: readGitPosition(repository.gitDir, repository.commonDir), changed };
    const place: Place = { store: baseStore(workspace.base), repository, objects, gitDir, quarantine };
    return await bring(sides, place, directory, cageName);
  } finally {
    removeTree(quarantine, directory);
  }
}

/** Gives a cage that nobody is in the project's repository as it stands now, where that moved on. False while the cage is in the middle of a merge or a rebase. */
export async function refreshMountedGit(workspace: PreparedWorkspace): Promise<boolean> {
  const directory = workspaceDirectory(workspace.storeDirectory);
  const given = readGiven(directory);
  const project = await inspectProject(workspace.projectRoot);
  if (given === undefined || project.git === undefined) return true;
  const host = readGitPosition(project.git.gitDir, project.git.commonDir);
  const isSame =
    host.head === given.head &&
    host.index === given.hostIndex &&
    Object.keys(given.saved).length === 0 &&
    host.refs.size === Object.keys(given.refs).length &&
    [...host.refs].every(([ref, oid]) => given.refs[ref] === oid);
  if (isSame) return true;
  if (operationIn(mountedGitDir(directory, given)) !== undefined) return false;
  await renewMountedGit(project, project.git, directory, workspace.owner);
  return true;
}

interface Sides {
  given: GivenGit;
  cage: GitPosition;
  host: GitPosition;
  changed: ReadonlyMap<string, string>;
}

async function bring(sides: Sides, place: Place, directory: string, cageName: string): Promise<ReturnedCommits> {
  const { given, cage, host, changed } = sides;
  const links = await knownLinks(host, place);
  const index = await cageIndex(place, links);
  const stays = await checkoutStays(sides, place, index);
  const moves = new Map<string, string>();
  const saves = new Map<string, { oid: string; because: string }>();
  for (const [ref, oid] of changed) {
    // Brought by a command that was interrupted.
    if (host.refs.get(ref) === oid) continue;
    const because = (await refStays(ref, oid, sides, place, links)) ?? (isCheckedOut(ref, sides) ? stays : undefined);
    if (because === undefined) moves.set(ref, oid);
    else saves.set(ref, { oid, because });
  }
  const branch = branchOf(cage);
  // The index says what is new against a commit: it comes with that commit, or not at all.
  const withCheckout = stays === undefined && (branch === undefined || !saves.has(branch)) && index !== undefined;
  const blobs = withCheckout ? await unknownTo(place.repository, index.oids) : [];
  const include = [...new Set([...changed.values(), ...blobs])];
  if (include.length > 0) {
    const exclude = [...new Set([...host.refs.values(), ...(tipOf(host) === undefined ? [] : [tipOf(host) ?? ''])])];
    await handOver(place.store, place.repository, { include, exclude, from: place.objects });
  }
  moves.delete('HEAD');
  const names = await savedNames(sides, place, cageName, [...saves.keys()]);
  const kept = new Map([...saves].map(([ref, { oid }]) => [names.get(ref) ?? '', oid]));
  await updateRefs(place, moves, kept, host);
  if (withCheckout) await moveCheckout(sides, place, index.file);
  const now = readGitPosition(place.repository.gitDir, place.repository.commonDir);
  const same = [...changed].filter(([ref, oid]) => now.refs.get(ref) === oid);
  writeGiven(directory, {
    ...given,
    refs: { ...given.refs, ...Object.fromEntries(same) },
    saved: { ...given.saved, ...Object.fromEntries([...saves].map(([ref, { oid }]) => [ref, oid])) },
    ...(withCheckout ? { head: cage.head, hostIndex: now.index, cageIndex: cage.index } : {}),
  });
  return {
    moved: [...moves.keys()],
    saved: [...saves].map(([ref, { because }]) => ({ ref, as: names.get(ref) ?? '', because })),
    checkoutStays: !withCheckout && tipOf(cage) !== tipOf(now) ? stays : undefined,
  };
}

/** A place for each where nothing is lost: what was kept there before is the same, or what this very ref was when it came last. */
async function savedNames(
  { given, changed }: Sides,
  { repository }: Place,
  cageName: string,
  refs: readonly string[],
): Promise<Map<string, string>> {
  const top = `refs/ironcage/${cageName}`;
  const taken = refs.length === 0 ? new Map<string, string>() : await refsBelow(repository, top);
  const names = new Map<string, string>();
  for (const ref of refs) {
    const isFree = (name: string): boolean => {
      const there = taken.get(name);
      if (there !== undefined) return there === changed.get(ref) || there === given.saved[ref];
      return !isInTheWay(name, taken.keys());
    };
    const end = ref.replace(/^refs\//, '');
    let name = `${top}/${end}`;
    for (let number = 2; !isFree(name); number += 1) name = `${top}/${number}/${end}`;
    names.set(ref, name);
    taken.set(name, changed.get(ref) ?? '');
  }
  return names;
}

async function refsBelow({ gitDir }: Repository, top: string): Promise<Map<string, string>> {
  const { stdout } = await git(['for-each-ref', '--format=%(objectname) %(refname)', `${top}/`], { gitDir });
  const lines = stdout.toString('utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]));
}

/** Git has no branch `a` beside a branch `a/b`. */
function isInTheWay(ref: string, others: Iterable<string>): boolean {
  return [...others].some((other) => other.startsWith(`${ref}/`) || ref.startsWith(`${other}/`));
}

function isCheckedOut(ref: string, { host }: Sides): boolean {
  return ref === branchOf(host) || ref === 'HEAD';
}

/** Why a ref cannot have its own place in the project; undefined when it can. */
async function refStays(
  ref: string,
  oid: string,
  { given, host }: Sides,
  place: Place,
  links: ReadonlySet<string>,
): Promise<string | undefined> {
  if (ref.startsWith('refs/stashed/')) return 'it is a stash';
  if (ref !== 'HEAD' && host.refs.get(ref) !== given.refs[ref]) return 'it moved in the project as well';
  if (isInTheWay(ref, host.refs.keys())) return 'a branch or tag of the project is in the way of its name';
  if (otherWorktrees(place.repository).has(ref)) return 'it is checked out in another worktree';
  const added = (await linksInTree(place, oid)).filter((path) => !links.has(path));
  return added.length === 0 ? undefined : 'it adds a repository within the repository';
}

/** Why HEAD and the index of the project stay as they are; undefined when they can follow the cage's. */
async function checkoutStays(
  { given, cage, host }: Sides,
  { repository, gitDir }: Place,
  index: CageIndex | undefined,
): Promise<string | undefined> {
  if (index === undefined) return 'the cage’s index cannot be taken over';
  const operation = operationIn(gitDir);
  if (operation !== undefined) return `the cage is in the middle of a ${operation}`;
  const branch = branchOf(host);
  const isOurs = branch === undefined || [given.refs[branch], cage.refs.get(branch)].includes(host.refs.get(branch));
  if (!isOurs || ![given.head, cage.head].includes(host.head)) return 'the project has another commit checked out';
  if (host.index !== given.hostIndex) return 'the project’s index changed as well';
  if (tipOf(cage) === undefined && tipOf(host) !== undefined) return 'the cage’s branch has no commit';
  if (hostOperation(repository) !== undefined) return 'the project is in the middle of a merge or a rebase';
  const settings = await readEffectiveConfig(repository.gitDir);
  return settings.get('core.sparsecheckout') === 'true' ? 'the project is checked out in part' : undefined;
}

const OPERATIONS: Readonly<Record<string, string>> = {
  MERGE_HEAD: 'merge',
  'rebase-merge': 'rebase',
  'rebase-apply': 'rebase',
  CHERRY_PICK_HEAD: 'cherry-pick',
  REVERT_HEAD: 'revert',
};

function operationIn(gitDir: string): string | undefined {
  const file = Object.keys(OPERATIONS).find((name) => pathExists(join(gitDir, name)));
  return file === undefined ? undefined : OPERATIONS[file];
}

function hostOperation(repository: Repository): string | undefined {
  return operationIn(repository.gitDir);
}

/** Branches that some other work tree of the repository has checked out. */
function otherWorktrees(repository: Repository): Set<string> {
  const top = join(repository.commonDir, 'worktrees');
  const directories = [
    ...(repository.gitDir === repository.commonDir ? [] : [repository.commonDir]),
    ...namesIn(top).map((name) => join(top, name)),
  ].filter((directory) => directory !== repository.gitDir);
  return new Set(
    directories.flatMap((directory) => {
      const head = /^ref: (refs\/.+)$/m.exec(readTextIfPresent(join(directory, 'HEAD')) ?? '')?.[1];
      return head === undefined ? [] : [head];
    }),
  );
}

function namesIn(directory: string): string[] {
  return pathExists(directory) ? readdirSync(directory) : [];
}

/** All of them or none; those that move only from where they were seen. */
async function updateRefs(
  { repository, store }: Place,
  moves: ReadonlyMap<string, string>,
  kept: ReadonlyMap<string, string>,
  host: GitPosition,
): Promise<void> {
  if (moves.size + kept.size === 0) return;
  const zero = zeroOid(store.objectFormat);
  const lines = [
    ...[...moves].map(([ref, oid]) => `update ${ref}\0${oid}\0${host.refs.get(ref) ?? zero}\0`),
    ...[...kept].map(([ref, oid]) => `update ${ref}\0${oid}\0\0`),
  ];
  await git(['update-ref', '-m', 'ironcage: from the cage', '--no-deref', '--stdin', '-z'], {
    gitDir: repository.gitDir,
    input: lines.join(''),
    extraEnv: {
      ...{ GIT_COMMITTER_NAME: 'ironcage', GIT_COMMITTER_EMAIL: 'ironcage@localhost' },
    },
  });
  for (const ref of [...moves.keys(), ...kept.keys()])
    for (const path of [ref, `logs/${ref}`]) giveToOwner(join(repository.commonDir, path), repository.commonDir);
}

/** After the refs: one interrupted here finds them where they belong, and goes on with the index. */
async function moveCheckout({ cage, host, given }: Sides, { repository }: Place, file: string): Promise<void> {
  if (cage.index !== given.cageIndex) replaceIndex(repository, file, host.index);
  if (cage.head === host.head) return;
  const branch = branchOf(cage);
  const args =
    branch === undefined ? ['update-ref', '--no-deref', 'HEAD', cage.head] : ['symbolic-ref', 'HEAD', branch];
  await git(args, { gitDir: repository.gitDir });
  giveToOwner(join(repository.gitDir, 'HEAD'), repository.gitDir);
}

function noRepository(root: string): IronError {
  return new IronError('E_NO_PROJECT', {
    message: `${root} has no repository any more`,
    because: 'the cage holds commits that belong there',
    hint: 'put its .git back, or take the commits out of the cage by hand',
  });
}
