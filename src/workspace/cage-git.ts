// What has to differ in the cage's `.git` from the project's: no remotes, credentials or programs in any config, nothing of
// other worktrees, and a real repository where the project only has a pointer to one outside. Only decides; prepare.ts does it.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { isInside, pathExists } from '../platform/files.ts';
import { quoteAlternate } from './base-store.ts';
import { borrowedObjectDirs } from './borrowed-objects.ts';
import { fromText, type BytePath } from './byte-path.ts';
import { cageGitConfig } from './cage-git-config.ts';
import { readEffectiveConfig, type GitSettings } from './git.ts';
import { findRepository, isSelfContained, type Project, type Repository } from './project.ts';

/** Of the user; while they are read, files are. */
type Settings = GitSettings | Promise<GitSettings>;

export interface CageGitPlan {
  /** New contents, by path relative to the project. */
  write: readonly { path: BytePath; contents: string }[];
  /** Files and directories taken from the host as they are now, by path relative to the project. */
  copy: readonly { path: BytePath; from: string }[];
  /** Paths that the cage does not get; what needs no mention has no reason. */
  hide: readonly { path: BytePath; reason?: string }[];
  /** Pointers to repositories outside, in whose place the cage gets a repository. */
  replace: readonly BytePath[];
  /** Object directories outside the project that git inside reads at the same path. */
  objectDirs: readonly string[];
}

/** State files of one work tree that say what git is in the middle of. */
const WORKTREE_STATE = [
  'HEAD',
  'index',
  'ORIG_HEAD',
  'MERGE_HEAD',
  'MERGE_MODE',
  'MERGE_MSG',
  'MERGE_RR',
  'CHERRY_PICK_HEAD',
  'REVERT_HEAD',
  'SQUASH_MSG',
  'AUTO_MERGE',
  'logs/HEAD',
  'rebase-merge',
  'rebase-apply',
  'sequencer',
  'refs',
];
const SHARED_STATE = ['refs', 'packed-refs', 'shallow', 'logs/refs', 'info/exclude', 'info/attributes', 'reftable'];
/**
 * What of a repository's directory comes along. Anything else (hooks, remotes, credentials and keys that tools keep there, copies of
 * the config, locks) does not: nobody knows every program that writes there.
 */
const KEPT =
  /^(?:HEAD|config|index|sharedindex\.[0-9a-f]+|objects|refs|reftable|packed-refs|shallow|logs|info|modules|lfs|rr-cache|description|(?:ORIG|MERGE|CHERRY_PICK|REVERT|REBASE|BISECT|AUTO|SQUASH|COMMIT)_[A-Z_]+|rebase-merge|rebase-apply|sequencer)$/;

/** `nested`: paths (text) of repositories inside the project; the one around them is looked at meanwhile. `strategy` decides whether objects outside are copied or read. */
export async function planCageGit(
  project: Project,
  nested: Promise<readonly string[]>,
  strategy: 'overlay' | 'copy',
  user: Settings,
): Promise<CageGitPlan> {
  if (project.git === undefined) return merge([await planNested(project, await nested, new Map(), strategy)]);
  const own = isSelfContained(project)
    ? planInside(project, project.git, user, strategy)
    : planOutside(project.git, user, strategy);
  return merge(await Promise.all([own, nested.then((paths) => planNested(project, paths, user, strategy))]));
}

/** The repository lies in the project: it comes along, less what names the outside. */
async function planInside(
  project: Project,
  repository: Repository,
  user: Settings,
  strategy: 'overlay' | 'copy',
): Promise<CageGitPlan> {
  const config = await cageGitConfig(configFiles(repository), user);
  const place = (name: string): BytePath => fromText(relative(project.root, join(repository.gitDir, name)));
  const present = (names: readonly string[]): string[] =>
    names.filter((name) => pathExists(join(repository.gitDir, name)));
  const modules = listModules(join(repository.commonDir, 'modules'));
  const foreign = borrowedObjectDirs(repository.objectsDir).filter((directory) => !isInside(directory, project.root));
  return {
    write: [
      { path: place('config'), contents: config },
      ...(await Promise.all(
        modules.map(async (directory) => ({
          path: fromText(relative(project.root, join(directory, 'config'))),
          contents: await cageGitConfig([join(directory, 'config')], user),
        })),
      )),
      ...(strategy === 'copy' ? withoutAlternates(place('objects/info/alternates'), foreign) : []),
    ],
    // What moves when the user works on goes along as it is now; the rest is read through the overlay.
    copy: [
      ...(strategy === 'overlay' ? present(['HEAD', 'index', 'packed-refs']) : []).map((name) => ({
        path: place(name),
        from: join(repository.gitDir, name),
      })),
      ...(strategy === 'copy' ? foreign.map((from) => ({ path: place('objects'), from })) : []),
    ],
    hide: [repository.gitDir, ...modules].flatMap((directory) => [
      ...directoryNames(directory)
        .filter((name) => !KEPT.test(name))
        .map((name) => ({ path: fromText(relative(project.root, join(directory, name))) })),
      ...logsWithPasswords(join(directory, 'logs')).map((file) => ({
        path: fromText(relative(project.root, file)),
        reason: 'a password in the address of a remote',
      })),
    ]),
    replace: [],
    objectDirs: strategy === 'overlay' ? foreign : [],
  };
}

/** The repository of a mounted project: one of the cage's own, wherever the project's lies, which reads the project's objects below `borrowed`. */
export async function planMountedGit(repository: Repository, borrowed: string): Promise<CageGitPlan> {
  const user = await readEffectiveConfig(repository.gitDir);
  const plan = await planOutside(repository, user, 'overlay');
  const modules = listModules(join(repository.commonDir, 'modules'));
  const [, ...further] = plan.objectDirs;
  const alternates = [borrowed, ...further].map((directory) => `${quoteAlternate(directory)}\n`).join('');
  const configs = await Promise.all(
    modules.map(async (directory) => ({
      path: fromText(join('.git', relative(repository.commonDir, directory), 'config')),
      contents: await cageGitConfig([join(directory, 'config')], user),
    })),
  );
  return {
    ...plan,
    write: [
      ...plan.write.filter(({ path }) => path !== ALTERNATES),
      { path: ALTERNATES, contents: alternates },
      ...configs,
    ],
    copy: [
      ...plan.copy,
      ...modules.flatMap((directory) => {
        const passwords = new Set(logsWithPasswords(join(directory, 'logs')));
        const names = directoryNames(directory).filter(
          (name) =>
            KEPT.test(name) && name !== 'modules' && name !== 'config' && !(name === 'logs' && passwords.size > 0),
        );
        const below = relative(repository.commonDir, directory);
        return takeFrom(
          repository.commonDir,
          names.map((name) => join(below, name)),
        );
      }),
    ],
  };
}

const ALTERNATES = '.git/objects/info/alternates';

/** The repository lies elsewhere (linked worktree, submodule, separate git dir): the cage gets one of its own. */
async function planOutside(repository: Repository, user: Settings, strategy: 'overlay' | 'copy'): Promise<CageGitPlan> {
  const config = await cageGitConfig(configFiles(repository), user);
  const objectDirs = [repository.objectsDir, ...borrowedObjectDirs(repository.objectsDir)];
  const linked = repository.gitDir !== repository.commonDir;
  const passwords = new Set([
    ...logsWithPasswords(join(repository.gitDir, 'logs')),
    ...logsWithPasswords(join(repository.commonDir, 'logs')),
  ]);
  return {
    write: [
      { path: '.git/config', contents: withoutWorktree(config) },
      ...(strategy === 'overlay'
        ? [
            {
              path: ALTERNATES,
              contents: objectDirs.map((dir) => `${quoteAlternate(dir)}\n`).join(''),
            },
          ]
        : withoutAlternates(ALTERNATES, objectDirs)),
    ],
    copy: [
      ...takeFrom(repository.commonDir, SHARED_STATE).filter(
        (entry) => !(passwords.size > 0 && entry.path === '.git/logs/refs'),
      ),
      ...takeFrom(repository.gitDir, WORKTREE_STATE).filter(
        (entry) => !passwords.has(entry.from) && (linked || entry.path !== '.git/refs'),
      ),
      ...takeFrom(repository.gitDir, ['info/sparse-checkout']),
      ...(strategy === 'copy' ? objectDirs.map((directory) => ({ path: '.git/objects', from: directory })) : []),
    ],
    hide: [],
    replace: repository.entry === 'directory' ? [] : ['.git'],
    objectDirs: strategy === 'overlay' ? objectDirs : [],
  };
}

function takeFrom(directory: string, names: readonly string[]): { path: BytePath; from: string }[] {
  return names
    .filter((name) => pathExists(join(directory, name)))
    .map((name) => ({ path: fromText(`.git/${name}`), from: join(directory, name) }));
}

/** Repositories within the project: what lies inside it keeps its contents and loses its remotes, what lies outside is replaced. */
async function planNested(
  project: Project,
  nested: readonly string[],
  user: Settings,
  strategy: 'overlay' | 'copy',
): Promise<CageGitPlan> {
  const plans = await Promise.all(
    nested.map(async (name) => {
      const inner: Project = { root: join(project.root, name), git: findRepository(join(project.root, name)) };
      const { git: repository } = inner;
      if (repository === undefined) return undefined;
      const isOutside = !isInside(repository.gitDir, project.root);
      // An absorbed submodule's is planned with the repository that holds it.
      if (!isOutside && !isInside(repository.gitDir, inner.root)) return undefined;
      const plan = isOutside
        ? await planOutside(repository, user, strategy)
        : { ...(await planInside(inner, repository, user, 'overlay')), copy: [], objectDirs: [] };
      const outer = (path: BytePath): BytePath => `${fromText(name)}/${path}`;
      return {
        write: plan.write.map((entry) => ({ ...entry, path: outer(entry.path) })),
        copy: plan.copy.map((entry) => ({ ...entry, path: outer(entry.path) })),
        hide: plan.hide.map((entry) => ({ ...entry, path: outer(entry.path) })),
        replace: plan.replace.map(outer),
        objectDirs: plan.objectDirs,
      };
    }),
  );
  return merge(plans.filter((plan) => plan !== undefined));
}

function merge(plans: readonly CageGitPlan[]): CageGitPlan {
  return {
    write: plans.flatMap((plan) => plan.write),
    copy: plans.flatMap((plan) => plan.copy),
    hide: plans.flatMap((plan) => plan.hide),
    replace: plans.flatMap((plan) => plan.replace),
    objectDirs: [...new Set(plans.flatMap((plan) => plan.objectDirs))],
  };
}

function configFiles(repository: Repository): string[] {
  return [join(repository.commonDir, 'config'), join(repository.gitDir, 'config.worktree')].filter(pathExists);
}

function withoutWorktree(config: string): string {
  return config.replace(/^\tworktree = .*\n/m, '').replace(/^\tbare = .*\n/m, '\tbare = "false"\n');
}

/** Copied objects stand on their own; the list of other places must not come along. */
function withoutAlternates(path: BytePath, foreign: readonly string[]): { path: BytePath; contents: string }[] {
  return foreign.length > 0 ? [{ path, contents: '' }] : [];
}

/** Repositories of absorbed submodules, at any depth below `directory`. */
function listModules(directory: string, depth = 0): string[] {
  if (depth > 8) return [];
  return directoryNames(directory).flatMap((name) => {
    const inner = join(directory, name);
    if (!lstatSync(inner).isDirectory()) return [];
    // A submodule's name may hold slashes: its repository is where HEAD is.
    if (!pathExists(join(inner, 'HEAD'))) return listModules(inner, depth + 1);
    return [inner, ...listModules(join(inner, 'modules'), depth + 1)];
  });
}

const PASSWORD_IN_URL = /:\/\/[^/\s:@]*:[^/\s@]+@/;
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Reflogs that old versions of git wrote an address with its password into. */
function logsWithPasswords(directory: string, depth = 0): string[] {
  if (depth > 10) return [];
  return directoryNames(directory).flatMap((name) => {
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) return logsWithPasswords(path, depth + 1);
    if (!stat.isFile()) return [];
    return stat.size > MAX_LOG_BYTES || PASSWORD_IN_URL.test(readFileSync(path, 'latin1')) ? [path] : [];
  });
}

function directoryNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}
