// Turns a directory of the host into a git tree in the store: the one procedure behind the base and behind "has the host
// changed since". Reads the project's index as a hint of what is unchanged, never its settings as orders.
import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { anyFileConverts } from './attributes.ts';
import { borrowObjects, type BaseStore } from './base-store.ts';
import { below, fromText, joinRecords, nameOf, splitRecords, toText, type BytePath } from './byte-path.ts';
import { git, gitLine, readEffectiveConfig, userConfigFile, type GitCall, type GitSettings } from './git.ts';
import { readGitPosition, tipOf } from './git-position.ts';
import { distrustIndex, primeIndex, removeEntries, type PrimedIndex } from './prime-index.ts';
import { findRepository, type Project, type Repository } from './project.ts';

export interface RecordOptions {
  store: BaseStore;
  project: Project;
  /** Path of the index file that is written, and left behind with the tree's entries. */
  index: string;
  /** `project`: start from the project's own index. `index`: `index` was written by an earlier recording. */
  prime: 'project' | 'index';
  /** Of the project's repository; default: read meanwhile. */
  settings?: Promise<GitSettings> | undefined;
  /** Whether what is not in the tree is listed as well. */
  listUntracked?: boolean | undefined;
  /** New files that stay out of the tree (what looks like a secret in a directory without git). */
  leaveOut?: ((path: BytePath) => boolean) | undefined;
}

export interface Submodule {
  /** Text, relative to the project. */
  path: string;
  commit: string;
}

export interface RecordedTree {
  tree: string;
  /** Paths (text) of nested repositories whose files are in the tree. */
  nested: readonly string[];
  /** Those of them that are submodules, and the commit each stands at. */
  submodules: readonly Submodule[];
  /** Paths (text) of files that could not be read and are not in the tree. */
  unreadable: readonly string[];
  leftOut: readonly BytePath[];
  /** If asked for: files that are not in the tree, and directories of which nothing is, with a slash behind them. */
  untracked: readonly BytePath[];
}

export async function recordTree(options: RecordOptions): Promise<RecordedTree> {
  const { store, project, index } = options;
  const settings = options.settings ?? readEffectiveConfig(project.git?.gitDir);
  const call = { gitDir: store.gitDir, workTree: project.root, indexFile: index };
  const excludes = settings.then((known) => excludeArguments(project, known));
  excludes.catch(() => undefined);
  const untrackedNow = async (): Promise<BytePath[]> => (options.listUntracked === true ? listUntracked(call) : []);
  const look = (): Look => {
    const untracked = untrackedNow();
    const changed = listChanged(excludes, call, options.listUntracked === true ? untracked : undefined);
    // Awaited later, or not at all.
    for (const each of [changed, untracked]) each.catch(() => undefined);
    return { changed, untracked };
  };
  // Where the index turns out to be good as it is, which is the rule, these looks at it are too: nothing waits for that to be known.
  let early: Look | undefined;
  const lookEarly = (): void => void (early ??= look());
  const primed: PrimedIndex =
    options.prime === 'index'
      ? { paths: [], links: [], trusted: false, asCopied: false }
      : await primeIndex(store, project, settings, call, lookEarly);
  if (early !== undefined && !primed.asCopied) await settled(early);
  const first = early !== undefined && primed.asCopied ? early : look();

  let found = await first.changed;
  let isFirst = true;
  const newAttributes = found.paths.filter((path) => nameOf(path) === '.gitattributes');
  if (primed.trusted && anyFileConverts(newAttributes.map((path) => below(project.root, path)))) {
    // A rule that is not committed yet may cover files that look clean: read them all after all.
    await distrustIndex(store, call, primed.paths);
    found = await listChanged(excludes, call);
    isFirst = false;
  }
  const leftOut = found.paths.filter((path) => options.leaveOut?.(path) === true);
  const refused = new Set(leftOut);
  const wanted = refused.size === 0 ? found.paths : found.paths.filter((path) => !refused.has(path));
  const unreadable = (await updateIndex(options, wanted, call)).map(toText);

  const nested: string[] = [];
  const submodules: Submodule[] = [];
  const links = new Set(primed.links);
  for (const path of new Set([...found.nested, ...primed.links])) {
    const inner = await recordNested(options, path, call);
    if (inner === undefined) continue;
    const prefix = toText(path);
    nested.push(prefix, ...inner.nested.map((name) => `${prefix}/${name}`));
    if (links.has(path) && inner.commit !== undefined) submodules.push({ path: prefix, commit: inner.commit });
    submodules.push(...inner.submodules.map((each) => ({ ...each, path: `${prefix}/${each.path}` })));
    leftOut.push(...inner.leftOut.map((name) => `${path}/${name}`));
    unreadable.push(...inner.unreadable.map((name) => `${prefix}/${name}`));
  }
  // A partial clone lacks the contents of files that nobody looked at: their names suffice.
  const writeTree = gitLine(['write-tree', '--missing-ok'], call);
  // Files that are tracked as before, with other contents, leave everything else what it was.
  const isSame =
    isFirst &&
    found.nested.length + primed.links.length + unreadable.length === 0 &&
    wanted.every((path) => !found.others.has(path) && isFile(below(project.root, path)));
  const [tree, untracked] = await Promise.all([
    writeTree,
    // The index says what is untracked: one that has changed since says something else.
    isSame ? first.untracked : first.untracked.catch(() => []).then(untrackedNow),
  ]);
  return { tree, nested, submodules, unreadable, leftOut, untracked };
}

interface Look {
  changed: Promise<Found>;
  untracked: Promise<BytePath[]>;
}

/** Waits until nothing reads the index any more. */
async function settled({ changed, untracked }: Look): Promise<void> {
  await Promise.allSettled([changed, untracked]);
}

/** Files that are not in the index, and directories of which nothing is, with a slash behind them. */
export async function listUntracked(call: GitCall): Promise<BytePath[]> {
  return splitRecords((await git(['ls-files', '--others', '--directory', '-z'], call)).stdout);
}

/** The user's ignore rules, in git's own order of precedence; `--exclude-standard` would read the store's instead. */
function excludeArguments(project: Project, settings: GitSettings): string[] {
  const files = [
    userConfigFile(settings, 'core.excludesfile'),
    project.git === undefined ? undefined : join(project.git.commonDir, 'info', 'exclude'),
  ].filter((file) => file !== undefined && isReadableFile(file));
  return [...files.map((file) => `--exclude-from=${file}`), '--exclude-per-directory=.gitignore'];
}

function isReadableFile(path: string | Buffer): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    // Unreadable is an answer here; what it means is the caller's to say.
    return false;
  }
}

interface Found {
  /** Changed, deleted or new files. */
  paths: BytePath[];
  /** What of that is not in the index. */
  others: ReadonlySet<BytePath>;
  /** Directories that are repositories of their own. */
  nested: BytePath[];
}

/** `untracked`: what is not in the index, ignored or not, where that is asked for as well. */
async function listChanged(
  excludes: Promise<readonly string[]>,
  call: GitCall,
  untracked?: Promise<readonly BytePath[]>,
): Promise<Found> {
  // Two walks, of the index and of the directories: side by side they take as long as the longer one.
  const [modified, others] = await Promise.all([
    git(['ls-files', '-z', '-m'], call),
    untracked === undefined ? listOthers(excludes, call) : untracked.then((all) => listOthers(excludes, call, all)),
  ]);
  const found: Found = { paths: [], others: new Set(others), nested: [] };
  for (const record of new Set([...splitRecords(modified.stdout), ...others])) {
    if (record.endsWith('/')) found.nested.push(record.slice(0, -1));
    else found.paths.push(record);
  }
  return found;
}

/** More would not fit into a command line in every case, and then save little. */
const MOST_PLACES = 100;

/** New files that git does not ignore. `among`: where they can be; a second walk over everything would find no others. */
async function listOthers(
  excludes: Promise<readonly string[]>,
  call: GitCall,
  among: readonly BytePath[] = [''],
): Promise<BytePath[]> {
  if (among.length === 0) return [];
  const isText = among.every((path) => fromText(toText(path)) === path);
  const places = isText && among.length <= MOST_PLACES ? among.filter((path) => path !== '') : [];
  const args = ['ls-files', '-z', '-o', ...(await excludes), '--', ...places.map(toText)];
  return splitRecords((await git(args, call)).stdout);
}

/** Brings the index up to what lies on disk; returns the files that could not be read. */
async function updateIndex(
  options: RecordOptions,
  paths: readonly BytePath[],
  call: GitCall & { indexFile: string },
): Promise<BytePath[]> {
  if (paths.length === 0) return [];
  const args = ['update-index', '-z', '--add', '--remove', '--replace', '--stdin'];
  try {
    await git(args, { ...call, input: joinRecords(paths) });
    return [];
  } catch (error) {
    if (!(error instanceof IronError)) throw error;
    const unreadable = paths.filter((path) => !isStorable(below(options.project.root, path)));
    if (unreadable.length === 0) throw error;
    const refused = new Set(unreadable);
    await removeEntries(options.store, call, unreadable);
    await git(args, { ...call, input: joinRecords(paths.filter((path) => !refused.has(path))) });
    return unreadable;
  }
}

function isFile(path: Buffer): boolean {
  try {
    return !lstatSync(path).isDirectory();
  } catch {
    // Gone, or not to be looked at: no file that is there as before.
    return false;
  }
}

function isStorable(path: Buffer): boolean {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return true;
    return stat.isFile() && isReadableFile(path);
  } catch (error) {
    // Gone means deleted, which the index can say.
    return systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR';
  }
}

/** Puts a nested repository's files below `path` into the index; undefined where no repository is checked out. */
async function recordNested(
  options: RecordOptions,
  path: BytePath,
  call: GitCall,
): Promise<(RecordedTree & { commit: string | undefined }) | undefined> {
  const { store, project } = options;
  const root = below(project.root, path).toString('utf8');
  // A name that is not UTF-8 cannot be handed to the calls below unharmed.
  if (!Buffer.from(root, 'utf8').equals(below(project.root, path))) return undefined;
  const repository = findRepository(root);
  if (repository === undefined) return undefined;
  if (repository.objectFormat === store.objectFormat) borrowObjects(store, repository.objectsDir);
  const recorded = await recordTree({
    store,
    project: { root, git: repository },
    index: `${options.index}.${createHash('sha256').update(path, 'latin1').digest('hex').slice(0, 16)}`,
    prime: 'project',
    leaveOut: (inner) => options.leaveOut?.(`${path}/${inner}`) === true,
  });
  await git(['read-tree', `--prefix=${toText(path)}/`, recorded.tree], call);
  return { ...recorded, commit: standsAt(repository, store) };
}

/** The commit that a repository within the project is at, where it has one that this store could name. */
function standsAt(repository: Repository, store: BaseStore): string | undefined {
  if (repository.objectFormat !== store.objectFormat) return undefined;
  try {
    return tipOf(readGitPosition(repository.gitDir, repository.commonDir));
  } catch (error) {
    if (error instanceof IronError) return undefined;
    throw error;
  }
}
