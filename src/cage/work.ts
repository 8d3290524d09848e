// The work in a cage, seen from the host: what changed, and what of it is nowhere else. Whatever writes is loaded elsewhere: these are
// the commands that are given most often.
import type { PieceWriter } from '../platform/processes.ts';
import { tellIfSlow } from '../platform/slowness.ts';
import { changeText, computeChange, type Change } from '../workspace/change.ts';
import { inspectProject } from '../workspace/project.ts';
import { hasUnexportedFiles } from '../workspace/unexported.ts';
import { ownCommits, sideRefs } from '../workspace/side-refs.ts';
import type { PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import type { SpecDir } from './spec.ts';
import { cageExists, readSpec } from './store.ts';
import { placeOf, requireWorkspace, storedWorkspaces, workspacePlaces, type StoredWorkspace } from './workspaces.ts';

export interface CageDiff {
  cage: string;
  /** Only of a further directory: its name. */
  dir?: string;
  /** Trees of the base and of the cage, in the workspace’s own store. */
  base: string;
  tree: string;
  files: Change['files'];
  hostExecutable: Change['hostExecutable'];
  /** What is in the cage and cannot be part of a change. */
  skipped: Change['skipped'];
}

/** Of all functions here: `dir` is a further directory of the cage; '' is its project. */
async function workspaceOf(context: Context, name: string, dir: string): Promise<PreparedWorkspace> {
  const spec = await readSpec(context, name);
  return requireWorkspace(spec, placeOf(context, spec, dir));
}

/** The project, known as '', and the further directories. */
export async function listDirs(context: Context, name: string): Promise<SpecDir[]> {
  return workspacePlaces(context, await readSpec(context, name)).map(({ dir, path }) => ({ name: dir, path }));
}

/** A change that cannot be computed because the project is gone, whose objects and files it rests on, is told as that. */
async function changeOf(context: Context, workspace: PreparedWorkspace): Promise<Change> {
  try {
    return await tellIfSlow(
      (line) => context.progress(line),
      'reading the cage',
      () => computeChange(workspace),
    );
  } catch (error) {
    // Throws what is wrong with the project, where that is the reason.
    await inspectProject(workspace.projectRoot);
    throw error;
  }
}

/** A workspace of the cage with its change as it is now. */
export async function changedWorkspace(
  context: Context,
  name: string,
  dir: string,
): Promise<{ workspace: PreparedWorkspace; change: Change }> {
  const workspace = await workspaceOf(context, name, dir);
  return { workspace, change: await changeOf(context, workspace) };
}

/** What changed in the cage against its base; the cage may run meanwhile and is not touched. */
export async function diffCage(context: Context, name: string, dir = ''): Promise<CageDiff> {
  const { base, tree, files, hostExecutable, skipped } = await changeOf(context, await workspaceOf(context, name, dir));
  return { cage: name, ...(dir === '' ? {} : { dir }), base, tree, files, hostExecutable, skipped };
}

/** A change that was looked at as text, in pieces with bytes from inside the cage: make it printable before it reaches a terminal. */
export async function diffCageText(
  context: Context,
  { cage, dir = '', ...change }: CageDiff,
  style: 'stat' | 'full',
  write: PieceWriter,
): Promise<void> {
  await changeText(await workspaceOf(context, cage, dir), change, style, write);
}

/** Before what is nowhere else but in the clone of a cage that was made from a URL. */
export const OF_CLONE = 'clone: ';

/**
 * Paths of the files whose only copy is in the cage; of one over a mounted project the names of its branches. Those of a further
 * directory stand behind its name; with `dir` they are all that counts.
 */
export async function unexportedFiles(context: Context, name: string, dir?: string): Promise<string[]> {
  const stored = await storedWorkspaces(context, name);
  const names = await unexportedIn(context, dir === undefined ? stored : stored.filter((each) => each.dir === dir));
  if (dir !== undefined || !cageExists(context, name)) return names;
  // Work that was applied to a clone of ours is nowhere else until it is pushed.
  const { source, project } = await readSpec(context, name);
  if (source === undefined) return names;
  const { unpushedWork } = await import('../workspace/clone-work.ts');
  return [...names, ...(await unpushedWork(project)).map((each) => `${OF_CLONE}${each}`)];
}

export async function unexportedIn(context: Context, workspaces: readonly StoredWorkspace[]): Promise<string[]> {
  const names: string[] = [];
  for (const { dir: of, workspace } of workspaces) {
    names.push(...(await ownWork(context, workspace)).map((each) => `${of === '' ? '' : `${of}: `}${each}`));
  }
  return names;
}

async function ownWork(context: Context, workspace: PreparedWorkspace): Promise<readonly string[]> {
  if (workspace.strategy === 'mount') {
    const { unreturnedRefs } = await import('../workspace/return-commits.ts');
    return unreturnedRefs(workspace);
  }
  const files = (await hasUnexportedFiles(workspace)) ? (await changeOf(context, workspace)).files : [];
  const named = [...files.map(({ path }) => path), ...(await sideRefs(workspace))];
  // Who is asked about files is asked about the commits that led to them.
  return named.length > 0 ? named : ownCommits(workspace);
}
