// Work that is nowhere else but in snapshots: asked before one of them, or the cage with all of them, is taken away. Counted by the
// contents of files: a state that the cage went past is no work, a file that only a snapshot has is; and so are commits that left no file.
import { baseStore } from '../workspace/base.ts';
import { recordCageTree } from '../workspace/cage-tree.ts';
import { holdsCommit, ownRefs, sideRefs } from '../workspace/side-refs.ts';
import { diffTrees } from '../workspace/tree-diff.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { snapshotsBelow } from './snapshot-store.ts';
import { cagePaths } from './store.ts';
import { workspacesBelow } from './workspaces.ts';

interface SnapshotWork {
  snapshot: string;
  /** Paths; those of a further directory stand behind its name. */
  files: readonly string[];
}

/**
 * Of `wanted` (default: all) those with files that neither the cage nor another snapshot has, nor its project was given. `root`: the directory
 * of the cage, wherever it is.
 */
async function workOnlyInSnapshots(root: string, wanted?: readonly string[]): Promise<SnapshotWork[]> {
  const all = snapshotsBelow(root);
  const isWanted = (name: string): boolean => wanted === undefined || wanted.includes(name);
  const seen = new Set<string>();
  const places = [root, ...all.filter(({ name }) => !isWanted(name)).map(({ directory }) => directory)];
  for (const place of places) {
    for (const { key } of await changedFiles(place).catch((): ChangedFile[] => [])) seen.add(key);
  }
  const found: SnapshotWork[] = [];
  for (const { name: snapshot, directory } of all.filter(({ name }) => isWanted(name))) {
    const files = await changedFiles(directory);
    const only = files.filter(({ key }) => !seen.has(key));
    for (const { key } of only) seen.add(key);
    // Who is asked about files is asked about the commits that led to them.
    const names = only.length > 0 ? only.map(({ name }) => name) : await commitsOnlyIn(directory, places);
    places.push(directory);
    if (names.length > 0) found.push({ snapshot, files: names });
  }
  return found;
}

/** Names of branches, tags and stashes with a commit that none of the other places has. */
async function commitsOnlyIn(directory: string, places: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for (const { dir, workspace } of await workspacesBelow(directory)) {
    for (const { name, oid } of await ownRefs(workspace)) {
      const others = (await Promise.all(places.map(workspacesBelow))).flat().filter((other) => other.dir === dir);
      if (!others.some((other) => holdsCommit(other.workspace, oid)))
        names.push(`${dir === '' ? '' : `${dir}: `}${name}`);
    }
  }
  return names;
}

/** The same, one text for each file, for people. */
export async function filesOnlyInSnapshots(root: string): Promise<string[]> {
  const kept = await workOnlyInSnapshots(root);
  return kept.flatMap(({ snapshot, files }) => files.map((file) => `snapshot ${snapshot}: ${file}`));
}

/** Work of a cage that its snapshot does not have as it is, and that its project was not given: for people, in order. */
export async function workBeside(root: string, snapshot: string): Promise<string[]> {
  const elsewhere = [...(await changedFiles(snapshot, presentDifferences)), ...(await changedFiles(root, givenAway))];
  const kept = new Set(elsewhere.map(({ key }) => key));
  const files = (await changedFiles(root)).filter(({ key }) => !kept.has(key)).map(({ name }) => name);
  const [refs, keptRefs] = [await refsBelow(root), new Set(await refsBelow(snapshot))];
  return [...files, ...refs.filter((ref) => !keptRefs.has(ref))];
}

async function refsBelow(root: string): Promise<string[]> {
  const refs: string[] = [];
  for (const { dir, workspace } of await workspacesBelow(root))
    refs.push(...(await sideRefs(workspace)).map((ref) => `${dir === '' ? '' : `${dir}: `}${ref}`));
  return refs;
}

interface ChangedFile {
  name: string;
  /** Where it is and what is in it. */
  key: string;
}

async function changedFiles(root: string, differencesOf = differences): Promise<ChangedFile[]> {
  const files: ChangedFile[] = [];
  for (const { dir, workspace } of await workspacesBelow(root)) {
    for (const { bytes, path, after } of await differencesOf(workspace)) {
      if (after === undefined) continue;
      const name = `${dir === '' ? '' : `${dir}: `}${path}`;
      files.push({ name, key: [dir, bytes.path, after.oid].join('\0') });
    }
  }
  return files;
}

type Differences = Awaited<ReturnType<typeof diffTrees>>;

/** Whoever else has them. */
async function presentDifferences(workspace: PreparedWorkspace): Promise<Differences> {
  if (workspace.strategy === 'mount') return [];
  const { tree } = await recordCageTree(workspace);
  return diffTrees(baseStore(workspace.base), workspace.base.tree, tree, 'no-renames');
}

/** What the project was given when it last got all. */
async function givenAway({ base, lastApplied }: PreparedWorkspace): Promise<Differences> {
  return lastApplied === undefined ? [] : diffTrees(baseStore(base), base.tree, lastApplied, 'no-renames');
}

async function differences(workspace: PreparedWorkspace): Promise<Differences> {
  if (workspace.strategy === 'mount') return [];
  const { tree } = await recordCageTree(workspace);
  // All of it was given to the project.
  if (tree === workspace.lastApplied) return [];
  return diffTrees(baseStore(workspace.base), workspace.base.tree, tree, 'no-renames');
}

const NAMED_FILES = 20;

/** Throws E_UNEXPORTED that names the files when taking this snapshot away would lose work. */
export async function refuseToLoseSnapshot(context: Context, cage: string, snapshot: string): Promise<void> {
  const lose = `ironcage snapshot ${cage} --rm ${snapshot} --discard`;
  const work = await workOnlyInSnapshots(cagePaths(context, cage).root, [snapshot]).catch((error: unknown) => {
    throw new IronError('E_UNEXPORTED', {
      message: `the snapshot ${snapshot} may hold work that is nowhere else`,
      because: `it cannot be looked at: ${errorMessage(error)}`,
      hint: `put that right, or lose what is in it with ${lose}`,
      cause: error,
    });
  });
  const files = work.flatMap((each) => each.files);
  if (files.length === 0) return;
  const named = files.slice(0, NAMED_FILES);
  throw new IronError('E_UNEXPORTED', {
    message: `the snapshot ${snapshot} holds work that is nowhere else: ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    because: `${named.join(', ')}${files.length > named.length ? ', …' : ''}`,
    hint: `look at it in a cage of its own (ironcage fork ${cage} NEW --from ${snapshot}), or lose it with ${lose}`,
    details: { files },
  });
}
