// The base: the project's files at one moment as a git tree, against which every change is measured. It holds what is tracked,
// modified and untracked but not ignored; submodules and nested repositories as plain files. Costs one stat per tracked file
// where the project's own index can be trusted. Writes only into the store; runs nothing that the project names.
import { join } from 'node:path';
import { borrowObjects, createBaseStore, nameCommit, type BaseStore } from './base-store.ts';
import { below, type BytePath } from './byte-path.ts';
import { storeRoot } from './commit-object.ts';
import { git, type GitSettings } from './git.ts';
import { writtenTip } from './git-position.ts';
import { linkObjects, packObjects } from './keep-objects.ts';
import { findRepository, type ObjectFormat, type Project } from './project.ts';
import { recordTree, type Submodule } from './record-tree.ts';
import { secretReason } from './secret-files.ts';

export interface Base {
  /** The bare repository that holds the base and borrows the project's objects. */
  gitDir: string;
  objectFormat: ObjectFormat;
  tree: string;
  commit: string;
  /** The project's HEAD commit at that moment; undefined without git or without commits. */
  head: string | undefined;
  /** Relative paths (text) of nested repositories and submodules whose files are part of the base. */
  nested: readonly string[];
  /** Submodules among them, and the commits that they stood at. */
  submodules: readonly Submodule[];
  /** Relative paths (text) of files that could not be read and are no part of the base. */
  unreadable: readonly string[];
}

export const BASE_REF = 'refs/ironcage/base';
/** The base's index with the stats of the project's files, so that recording the project again costs by its change. */
export const BASE_INDEX = 'base.index';

export interface RecordedBase {
  base: Base;
  /** What in the project is no part of it: files, and directories of which nothing is, with a slash behind them. */
  untracked: readonly BytePath[];
}

/** Records the project as it stands into a new repository `<storeDirectory>/base.git`. */
export async function recordBase(
  project: Project,
  storeDirectory: string,
  settings: Promise<GitSettings>,
  withSecrets = false,
): Promise<RecordedBase> {
  const store = createBaseStore(join(storeDirectory, 'base.git'), project.git?.objectFormat ?? 'sha1');
  if (project.git !== undefined) borrowObjects(store, project.git.objectsDir);
  const [recorded, head, isKept] = await Promise.all([
    recordTree({
      store,
      project,
      index: join(store.gitDir, BASE_INDEX),
      prime: 'project',
      settings,
      listUntracked: true,
      leaveOut: withSecrets ? undefined : newSecrets(project),
    }),
    readHead(project),
    linkObjects(store, project.git === undefined ? [] : [project.git.objectsDir]),
  ]);
  const { tree, nested, submodules, unreadable } = recorded;
  const inner = nested.flatMap((path) => findRepository(join(project.root, path)) ?? []);
  const borrowed = inner.filter(({ objectFormat }) => objectFormat === store.objectFormat);
  const commit = storeRoot(store, tree, 'base');
  nameCommit(store, BASE_REF, commit);
  if (
    !isKept ||
    !(await linkObjects(
      store,
      borrowed.map(({ objectsDir }) => objectsDir),
    ))
  )
    await packObjects(store, commit);
  const base = { ...store, tree, commit, head, nested, submodules, unreadable };
  return { base, untracked: recorded.untracked };
}

/** Without git nothing says which files are private: there, what looks like a secret is no part of the base. */
export function newSecrets(project: Project): ((path: BytePath) => boolean) | undefined {
  return project.git === undefined ? (path) => secretReason(path, below(project.root, path)) !== undefined : undefined;
}

export function baseStore(base: Base): BaseStore {
  return { gitDir: base.gitDir, objectFormat: base.objectFormat };
}

/** The project's HEAD commit, or undefined where there is none yet. */
export async function readHead(project: Project): Promise<string | undefined> {
  if (project.git === undefined) return undefined;
  const { gitDir, commonDir } = project.git;
  const written = writtenTip(gitDir, commonDir);
  if (written !== undefined) return written;
  const call = { gitDir, accept: [0, 1, 128] };
  const answer = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], call);
  return answer.exitCode === 0 ? answer.stdout.toString('latin1').trim() : undefined;
}
