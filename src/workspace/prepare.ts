// Makes the workspace of a cage: the project as an overlay's layers, as a copy or as itself, with its base recorded. Built under another
// name and moved into place in one step, so that a crash leaves either nothing or all of it. Never writes to the project.
import { chmodSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, removeTree } from '../platform/files.ts';
import { countSlowly, tellIfSlow } from '../platform/slowness.ts';
import { recordBase, type RecordedBase } from './base.ts';
import { below, bytePath, toText, type BytePath } from './byte-path.ts';
import { planCageGit, type CageGitPlan } from './cage-git.ts';
import { copyTree, type Owner, type SkippedFile } from './copy-tree.ts';
import { readEffectiveConfig, type GitSettings } from './git.ts';
import { applyGitPlan, makeParents, type Layer } from './git-layer.ts';
import { ignoredSecrets, type SecretFile } from './ignored-secrets.ts';
import type { Project } from './project.ts';
import { writeTakenIn } from './taken-in.ts';
import { makeWhiteout, makeWhiteouts, type Whiteout } from './whiteout.ts';
import { directoriesOf, loadWorkspace, type PreparedWorkspace } from './workspace.ts';
import { writeWorkspaceRecord } from './workspace-file.ts';
import type { WorkspaceRecord } from './workspace-record.ts';

export interface PrepareOptions {
  project: Project;
  /** Directory of the cage's own; the workspace becomes `<storeDirectory>/workspace`. */
  storeDirectory: string;
  /** Needed once the project was looked at. */
  strategy: PreparedWorkspace['strategy'] | Promise<PreparedWorkspace['strategy']>;
  /** Called once the project was looked at: nothing is laid before it has come to its end. */
  ready?: (() => Promise<unknown>) | undefined;
  /** Of a mounted project. Default: yes. */
  writable?: boolean | undefined;
  /** Whether what git ignores and looks like a secret comes along. Default: no. */
  includeIgnored?: boolean | undefined;
  /** Who owns the files inside; needs root. Absent: the caller. */
  owner?: Owner | undefined;
  /** Hears of what takes longer than a second. */
  tell?: ((line: string) => void) | undefined;
}

/** Prepares the workspace, or returns the one that is there already. */
export async function prepareWorkspace(options: PrepareOptions): Promise<PreparedWorkspace> {
  const { project, storeDirectory, writable = true, includeIgnored = false, owner } = options;
  const tell = options.tell ?? (() => undefined);
  const present = await loadWorkspace(storeDirectory);
  if (present !== undefined) return present;
  makeDirectory(storeDirectory);
  const building = join(storeDirectory, 'workspace.new');
  removeTree(building, storeDirectory);
  mkdirSync(building, { mode: 0o700 });

  const settings = readEffectiveConfig(project.git?.gitDir);
  // Who awaits it hears of a failure; nobody may.
  settings.catch(() => undefined);
  const recorded = tellIfSlow(tell, `looking at ${project.root}`, () =>
    recordBase(project, building, settings, includeIgnored),
  );
  const ahead = lookAhead(options, building, recorded, settings);
  // Whatever has failed: nothing is being made any more when that is told.
  await Promise.allSettled([recorded, ahead.whiteout]);
  const { base, untracked } = await recorded;
  await options.ready?.();
  const strategy = await options.strategy;
  const secrets = includeIgnored ? [] : ignoredSecrets(project, untracked);
  const made = await lay({ ...options, strategy, tell }, building, ahead, untracked, secrets);
  const record: WorkspaceRecord = {
    version: 1,
    strategy,
    ...(strategy === 'mount' ? { writable } : {}),
    projectRoot: project.root,
    ...(includeIgnored ? { includeIgnored } : {}),
    ...(owner === undefined ? {} : { owner }),
    base: {
      objectFormat: base.objectFormat,
      tree: base.tree,
      commit: base.commit,
      ...(base.head === undefined ? {} : { head: base.head }),
      nested: [...base.nested],
      ...(base.submodules.length === 0 ? {} : { submodules: [...base.submodules] }),
      unreadable: [...base.unreadable],
    },
    leftOut: [
      ...made.hidden.flatMap(({ path, reason }) => (reason === undefined ? [] : [{ path: toText(path), reason }])),
      ...made.skipped,
    ],
    maskedPaths: made.masked,
    extraReadOnlyBinds: made.objectDirs.map((directory) => ({ source: directory, target: directory })),
  };
  writeWorkspaceRecord(building, record);
  renameSync(building, join(storeDirectory, 'workspace'));
  const prepared = await loadWorkspace(storeDirectory);
  if (prepared === undefined) throw new Error('the workspace vanished while it was made');
  return prepared;
}

/** What can be found out and made while the project is being looked at. Awaited later, or not at all. */
interface Ahead {
  /** Of a project that is not mounted. */
  plan: Promise<CageGitPlan | undefined>;
  /** Of an overlay over a repository, in which some file is hidden always. */
  whiteout: Promise<Whiteout | undefined>;
}

function lookAhead(
  options: PrepareOptions,
  building: string,
  recorded: Promise<RecordedBase>,
  settings: Promise<GitSettings>,
): Ahead {
  const { project } = options;
  const nested = recorded.then(({ base }) => base.nested);
  const strategy = Promise.resolve(options.strategy);
  const ahead: Ahead = {
    plan: strategy.then((kind) => (kind === 'mount' ? undefined : planCageGit(project, nested, kind, settings))),
    whiteout: strategy.then((kind) =>
      kind === 'overlay' && project.git !== undefined ? makeWhiteout(building) : undefined,
    ),
  };
  for (const each of [nested, ahead.plan, ahead.whiteout]) each.catch(() => undefined);
  return ahead;
}

interface Laying extends PrepareOptions {
  strategy: PreparedWorkspace['strategy'];
  tell: (line: string) => void;
}

async function lay(
  { project, strategy, owner, tell }: Laying,
  building: string,
  ahead: Ahead,
  untracked: readonly BytePath[],
  secrets: readonly SecretFile[],
): Promise<Made & { hidden: readonly { path: BytePath; reason?: string }[]; objectDirs: readonly string[] }> {
  if (strategy === 'mount') {
    // What is covered, and from where objects are read, is looked up anew with every start: the project lives on.
    const { layMountedGit } = await import('./mounted-git.ts');
    await layMountedGit(project, building, owner);
    return { hidden: secrets, skipped: [], masked: [], objectDirs: [] };
  }
  const plan = await ahead.plan;
  if (plan === undefined) throw new Error('what is not mounted has a plan of its repository');
  const hidden = [...plan.hide, ...secrets];
  const made =
    strategy === 'overlay'
      ? await layOverlay(project, building, { plan, hidden, whiteout: await ahead.whiteout })
      : await copyProject(project, building, plan, { hidden, untracked, owner, tell });
  return { ...made, hidden, objectDirs: plan.objectDirs };
}

interface Made {
  skipped: SkippedFile[];
  /** Absolute paths that could not be hidden in the upper layer. */
  masked: string[];
}

/** The upper layer gets what differs from the project; all else shows through from below. */
async function layOverlay(
  project: Project,
  building: string,
  {
    plan,
    hidden,
    whiteout,
  }: { plan: CageGitPlan; hidden: readonly { path: BytePath }[]; whiteout?: Whiteout | undefined },
): Promise<Made> {
  const { upper, work, merged } = directoriesOf(building);
  for (const directory of [upper, work, merged]) makeDirectory(directory);
  const layer: Layer = { project, root: Buffer.from(upper), owner: undefined };
  chmodSync(upper, lstatSync(project.root).mode & 0o777);
  await applyGitPlan(layer, plan);
  const whiteouts = hidden.map(({ path }) => {
    makeParents(layer, path);
    return below(layer.root, path);
  });
  const failed = await makeWhiteouts(building, whiteouts, whiteout);
  const prefix = upper.length + 1;
  return {
    skipped: [],
    masked: failed.map((path) => join(project.root, toText(bytePath(path.subarray(prefix))))),
  };
}

interface CopyWishes {
  hidden: readonly { path: BytePath }[];
  untracked: readonly BytePath[];
  owner: Owner | undefined;
  tell: (line: string) => void;
}

async function copyProject(
  project: Project,
  building: string,
  plan: CageGitPlan,
  { hidden, untracked, owner, tell }: CopyWishes,
): Promise<Made> {
  const { tree } = directoriesOf(building);
  const left = new Set([...[...hidden, ...plan.write].map(({ path }) => path), ...plan.replace]);
  const paths: BytePath[] = [];
  const count = countSlowly(tell, `files copied of ${project.root}`);
  const skipped = await copyTree({
    source: Buffer.from(project.root),
    target: Buffer.from(tree),
    owner,
    skip: (path) => left.has(path),
    onCopied: (path) => count(paths.push(path)),
  });
  writeTakenIn(building, paths, untracked);
  await applyGitPlan({ project, root: Buffer.from(tree), owner }, plan);
  return { skipped, masked: [] };
}
