// What has to differ in the cage's `.git` from the project's: no remotes, credentials or programs in any config, nothing of
// other worktrees, and a real repository where the project only has a pointer to one outside. Only decides; prepare.ts does it.
import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { isInside, pathExists, readTextIfPresent } from '../platform/files.ts';
import { quoteAlternate } from './base-store.ts';
import { fromText, type BytePath } from './byte-path.ts';
import { cageGitConfig } from './cage-git-config.ts';
import { readEffectiveConfig } from './git.ts';
import { findRepository, isSelfContained, type Project, type Repository } from './project.ts';

export interface CageGitPlan {
  /** New contents, by path relative to the project. */
  write: readonly { path: BytePath; contents: string }[];
  /** Files and directories taken from the host as they are now, by path relative to the project. */
  copy: readonly { path: BytePath; from: string }[];
  /** Paths that the cage does not get; what needs no mention has no reason. */
  hide: readonly { path: BytePath; reason?: string }[];
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
const WITHOUT_REMOTES = ['FETCH_HEAD', 'config.worktree', 'worktrees', 'remotes', 'branches', 'credentials', 'svn'];
const LOCKS = ['index.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock', 'shallow.lock', 'gc.pid'];

/** `nested`: paths (text) of repositories inside the project. `strategy` decides whether objects outside are copied or read. */
export async function planCageGit(
  project: Project,
  nested: readonly string[],
  strategy: 'overlay' | 'copy',
): Promise<CageGitPlan> {
  if (project.git === undefined) return merge([await planNested(project, nested, new Map())]);
  const user = await readEffectiveConfig(project.git.gitDir);
  const own = isSelfContained(project)
    ? await planInside(project, project.git, user, strategy)
    : await planOutside(project.git, user, strategy);
  return merge([own, await planNested(project, nested, user)]);
}

type Settings = ReadonlyMap<string, string>;

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
  const modules = listModuleConfigs(join(repository.commonDir, 'modules'));
  const foreign = borrowedObjectDirs(repository.objectsDir).filter((directory) => !isInside(directory, project.root));
  return {
    write: [
      { path: place('config'), contents: config },
      ...(await Promise.all(
        modules.map(async (file) => ({
          path: fromText(relative(project.root, file)),
          contents: await cageGitConfig([file], user),
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
    hide: [
      ...present(WITHOUT_REMOTES).map((name) => ({ path: place(name) })),
      ...present(LOCKS).map((name) => ({ path: place(name) })),
      ...logsWithPasswords(join(repository.gitDir, 'logs')).map((file) => ({
        path: fromText(relative(project.root, file)),
        reason: 'a password in the address of a remote',
      })),
    ],
    objectDirs: strategy === 'overlay' ? foreign : [],
  };
}

/** The repository of a mounted project: one of the cage's own, wherever the project's lies, which reads the project's objects below `borrowed`. */
export async function planMountedGit(repository: Repository, borrowed: string): Promise<CageGitPlan> {
  const user = await readEffectiveConfig(repository.gitDir);
  const plan = await planOutside(repository, user, 'overlay');
  const modules = join(repository.commonDir, 'modules');
  const [, ...further] = plan.objectDirs;
  const alternates = [borrowed, ...further].map((directory) => `${quoteAlternate(directory)}\n`).join('');
  const configs = await Promise.all(
    listModuleConfigs(modules).map(async (file) => ({
      path: fromText(join('.git', relative(repository.commonDir, file))),
      contents: await cageGitConfig([file], user),
    })),
  );
  return {
    ...plan,
    write: [
      ...plan.write.filter(({ path }) => path !== ALTERNATES),
      { path: ALTERNATES, contents: alternates },
      ...configs,
    ],
    copy: [...plan.copy, ...takeFrom(repository.commonDir, ['modules'])],
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
    objectDirs: strategy === 'overlay' ? objectDirs : [],
  };
}

function takeFrom(directory: string, names: readonly string[]): { path: BytePath; from: string }[] {
  return names
    .filter((name) => pathExists(join(directory, name)))
    .map((name) => ({ path: fromText(`.git/${name}`), from: join(directory, name) }));
}

/** Repositories within the project: those that lie inside it keep their contents and lose their remotes. */
async function planNested(project: Project, nested: readonly string[], user: Settings): Promise<CageGitPlan> {
  const plans = await Promise.all(
    nested.map(async (name) => {
      const inner: Project = { root: join(project.root, name), git: findRepository(join(project.root, name)) };
      const { git: repository } = inner;
      if (repository === undefined || !isInside(repository.gitDir, inner.root)) return undefined;
      const plan = await planInside(inner, repository, user, 'overlay');
      const outer = (path: BytePath): BytePath => `${fromText(name)}/${path}`;
      return {
        write: plan.write.map((entry) => ({ ...entry, path: outer(entry.path) })),
        copy: [],
        hide: plan.hide.map((entry) => ({ ...entry, path: outer(entry.path) })),
        objectDirs: [],
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

/** Object directories that `objectsDir` reads through objects/info/alternates, transitively. */
export function borrowedObjectDirs(objectsDir: string): string[] {
  const found = new Set<string>();
  const visit = (directory: string, depth: number): void => {
    if (depth > 5) return;
    for (const line of (readTextIfPresent(join(directory, 'info', 'alternates')) ?? '').split('\n')) {
      if (line === '' || line.startsWith('#') || line.startsWith('"')) continue;
      const path = isAbsolute(line) ? line : resolve(directory, line);
      if (!pathExists(path)) continue;
      const real = realpathSync(path);
      if (found.has(real)) continue;
      found.add(real);
      visit(real, depth + 1);
    }
  };
  visit(objectsDir, 0);
  return [...found];
}

/** `config` files of absorbed submodules, at any depth below `modules`. */
function listModuleConfigs(directory: string, depth = 0): string[] {
  if (depth > 8) return [];
  return directoryNames(directory).flatMap((name) => {
    const inner = join(directory, name);
    if (!lstatSync(inner).isDirectory()) return [];
    // A submodule's name may hold slashes: its repository is where HEAD is.
    if (!pathExists(join(inner, 'HEAD'))) return listModuleConfigs(inner, depth + 1);
    const config = join(inner, 'config');
    return [...(pathExists(config) ? [config] : []), ...listModuleConfigs(join(inner, 'modules'), depth + 1)];
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
