// What the agent committed: brought as one pack, checked object by object, into a quarantine of ours, and told there as a row of commits
// upon the base. Git never works in the cage's repository, and what it reads there are copies.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { baseStore } from './base.ts';
import { borrowObjects, createBaseStore, EMPTY_TREE, type BaseStore } from './base-store.ts';
import { cagePosition } from './cage-position.ts';
import { readCommits, storeCommit, type StoredCommit } from './commit-object.ts';
import type { BytePath } from './byte-path.ts';
import { copyObjects } from './copy-objects.ts';
import { treeWith } from './edited-tree.ts';
import { git, gitLine } from './git.ts';
import { handOver } from './hand-over.ts';
import type { HostWrite } from './host-tree.ts';
import type { Repository } from './project.ts';
import { diffTrees } from './tree-diff.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface CageCommits {
  /** The quarantine: holds the agent's objects and sees those of the base. Gone when the work is done. */
  store: BaseStore;
  /** The agent's own, oldest first, each of the first parent of the next. */
  commits: readonly StoredCommit[];
  /** The same upon the base as it was taken in, as commits of ours; those that change nothing there are left out. */
  carried: readonly { oid: string; tree: string; of: StoredCommit }[];
}

const MAX_COMMITS = 10_000;

export interface Carrying {
  /** Asked for what a carried commit shall say. */
  message: (commit: StoredCommit) => string;
  /** Submodules that are commits in the base; of any other repository within the project it has the files. */
  submodules: ReadonlySet<BytePath>;
}

/** The caller holds the cage's lock. */
export async function withCageCommits<T>(
  workspace: PreparedWorkspace,
  carrying: Carrying,
  work: (commits: CageCommits) => Promise<T>,
): Promise<T> {
  const directory = workspaceDirectory(workspace.storeDirectory);
  const quarantine = join(directory, 'quarantine');
  removeTree(quarantine, directory);
  mkdirSync(quarantine, { mode: 0o700 });
  try {
    const { base } = workspace;
    const store = createBaseStore(join(quarantine, 'commits.git'), base.objectFormat);
    borrowObjects(store, join(base.gitDir, 'objects'));
    const commits = await bring(workspace, store, quarantine);
    return await work({ store, commits, carried: await carry(workspace, store, commits, carrying) });
  } finally {
    removeTree(quarantine, directory);
  }
}

async function bring(
  { base, ...workspace }: PreparedWorkspace,
  store: BaseStore,
  quarantine: string,
): Promise<StoredCommit[]> {
  const position = await cagePosition({ base, ...workspace });
  if (position === undefined || position.tip === base.head) return [];
  const from = join(quarantine, 'objects');
  copyObjects(position.objects, from);
  const exclude = base.head === undefined ? [] : [base.head];
  const repository: Repository = {
    ...{ gitDir: store.gitDir, commonDir: store.gitDir, objectsDir: join(store.gitDir, 'objects') },
    ...{ objectFormat: store.objectFormat, entry: 'directory' },
  };
  await handOver(baseStore(base), repository, { include: [position.tip], exclude, from });
  const range = [position.tip, ...exclude.map((oid) => `^${oid}`)];
  const args = ['rev-list', '--first-parent', '--reverse', `--max-count=${MAX_COMMITS + 1}`, ...range];
  const { stdout } = await git(args, { gitDir: store.gitDir });
  const oids = stdout.toString('latin1').split('\n').filter(Boolean);
  if (oids.length > MAX_COMMITS) throw tooMany();
  return readCommits(store, oids);
}

/** A file that a commit leaves as HEAD had it is as the base had it: what the user had not committed is nobody's change. */
async function carry(
  { base }: PreparedWorkspace,
  store: BaseStore,
  commits: readonly StoredCommit[],
  { message, submodules }: Carrying,
): Promise<CageCommits['carried']> {
  if (commits.length === 0) return [];
  const headTree =
    base.head === undefined
      ? EMPTY_TREE[base.objectFormat]
      : await gitLine(['rev-parse', '--verify', `${base.head}^{tree}`], { gitDir: store.gitDir });
  const ofUser = new Map(
    (await diffTrees(store, headTree, base.tree, 'no-renames')).map((file) => [file.bytes.path, file]),
  );
  const carried: { oid: string; tree: string; of: StoredCommit }[] = [];
  let [before, tree, parent] = [headTree, base.tree, base.commit];
  for (const commit of commits) {
    const writes = (await diffTrees(store, before, commit.tree, 'no-renames')).flatMap(
      ({ bytes, after, before: was }) => {
        if ([after?.mode, was?.mode].includes('160000') && !submodules.has(bytes.path)) return [];
        const user = ofUser.get(bytes.path);
        const isAsHead = user !== undefined && user.before?.oid === after?.oid && user.before?.mode === after?.mode;
        return [{ path: bytes.path, after: isAsHead ? user.after : after } satisfies Pick<HostWrite, 'path' | 'after'>];
      },
    );
    const next = await treeWith(store, tree, writes);
    before = commit.tree;
    if (next === tree) continue;
    tree = next;
    parent = storeCommit(store, { ...commit, tree, parent, message: message(commit) });
    carried.push({ oid: parent, tree, of: commit });
  }
  return carried;
}

function tooMany(): IronError {
  return new IronError('E_WORKSPACE', {
    message: `the cage has more than ${MAX_COMMITS} commits that the project has not`,
    because: 'its history was written anew, or something in it commits without end',
    hint: 'look with `git log` in the cage; ironcage apply and ironcage export bring its files without them',
  });
}
