// Moves a cage's base on to what the host has now, file by file: only where the cage has the same. The former base is the parent of the
// new one in the store, so that none is ever lost.
import { closeSync } from 'node:fs';
import { commitTree, keepCommit } from './base-store.ts';
import { BASE_REF, baseStore } from './base.ts';
import { toText, type BytePath } from './byte-path.ts';
import { lookAt } from './apply-steps.ts';
import { recordCageTree } from './cage-tree.ts';
import { openDirectory } from './directory-handle.ts';
import { packObjects } from './keep-objects.ts';
import { treeWith } from './edited-tree.ts';
import { hostWrites } from './plan-apply.ts';
import { diffTrees } from './tree-diff.ts';
import { readWorkspaceRecord, writeWorkspaceRecord } from './workspace-file.ts';
import { loadWorkspace, workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

/** `target`: a tree in the store. Returns the paths (text) in which the cage has something else; there the base stays. */
export async function settleBase(storeDirectory: string, target: string): Promise<string[]> {
  const workspace = await loadWorkspace(storeDirectory);
  if (workspace === undefined) return [];
  const store = baseStore(workspace.base);
  const { tree: cage } = await recordCageTree(workspace);
  const wanted = hostWrites(await diffTrees(store, workspace.base.tree, target, 'no-renames'));
  const other = new Set((await diffTrees(store, cage, target, 'no-renames')).map(({ bytes }) => bytes.path));
  const shown = shownThrough(
    workspace,
    wanted.flatMap(({ path, after }) => (after === undefined && other.has(path) ? [path] : [])),
  );
  const settled = wanted.filter(({ path }) => !other.has(path) || shown.has(path));
  const tree = settled.length === wanted.length ? target : await treeWith(store, workspace.base.tree, settled);
  // What was applied in full before still is.
  const { lastApplied } = workspace;
  const applied = lastApplied === undefined ? undefined : await treeWith(store, lastApplied, settled);
  await moveBase(workspace, tree, applied);
  return wanted.filter((write) => !settled.includes(write)).map(({ path }) => toText(path));
}

/** Of files that are gone on the host, those that the cage's layer says nothing about: they are gone inside as well. */
function shownThrough({ strategy, directories }: PreparedWorkspace, paths: readonly BytePath[]): Set<BytePath> {
  if (strategy !== 'overlay' || paths.length === 0) return new Set();
  const upper = openDirectory(directories.upper);
  try {
    return new Set(paths.filter((path) => lookAt(upper, path) === undefined));
  } finally {
    closeSync(upper);
  }
}

async function moveBase(workspace: PreparedWorkspace, tree: string, lastApplied: string | undefined): Promise<void> {
  const { base } = workspace;
  const directory = workspaceDirectory(workspace.storeDirectory);
  const record = await readWorkspaceRecord(directory);
  if (record === undefined || (tree === base.tree && lastApplied === workspace.lastApplied)) return;
  const call = { gitDir: base.gitDir };
  const commit =
    tree === base.tree ? base.commit : await commitTree(call, { tree, parents: [base.commit], message: 'base' });
  await packObjects(baseStore(base), commit, base.commit);
  await keepCommit(baseStore(base), BASE_REF, commit);
  writeWorkspaceRecord(directory, {
    ...record,
    base: { ...record.base, tree, commit },
    ...(lastApplied === undefined ? {} : { lastApplied }),
  });
}
