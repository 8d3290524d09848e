// Brings what the host changed into a cage, which may run meanwhile: the files, and with them its base, so that what the host did is
// never taken for the agent's. All of it or nothing; a crash in between is brought to an end by the next command.
import { closeSync } from 'node:fs';
import { IronError } from '../platform/errors.ts';
import type { ProcessIdentity } from '../platform/processes.ts';
import type { ApplyJournal } from './apply-journal-record.ts';
import { toText } from './byte-path.ts';
import { lookAt } from './apply-steps.ts';
import { openDirectory } from './directory-handle.ts';
import { makeParents } from './git-layer.ts';
import { findObstacles } from './host-tree.ts';
import type { Conflict } from './merge-trees.ts';
import { settleBase } from './move-base.ts';
import type { SyncPlan } from './plan-sync.ts';
import { inspectProject } from './project.ts';
import { lookAtFiles, orderWrites, replaceFiles, type Replacement } from './replace-files.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface SyncOptions extends Pick<Replacement, 'step' | 'tell'> {
  /** First process of the cage, while it runs: an overlay that is in use is written through its eyes. */
  process: ProcessIdentity | undefined;
}

/** Throws E_CONFLICT, with nothing changed, for conflicts of the plan and for what is in the way in the cage. */
export async function syncWorkspace(
  workspace: PreparedWorkspace,
  plan: SyncPlan,
  { process, step, tell }: SyncOptions,
): Promise<void> {
  refuseSyncConflicts(plan.conflicts);
  const place = placeIn(workspace, process, plan.target);
  const settle = async (): Promise<void> => {
    const kept = await settleBase(workspace.storeDirectory, plan.target);
    for (const path of kept) tell?.(`${path} is being changed in the cage: it keeps its base, run ironcage sync again`);
  };
  if (plan.writes.length === 0) return settle();
  const writes = orderWrites(plan.writes);
  const steps = lookAtFiles(place, writes);
  refuseSyncConflicts(inTheWay(workspace, place, writes));
  if (place.cage.view === 'layer') {
    // What lies below shows through: a directory that is new in the layer has its permissions.
    const project = await inspectProject(workspace.projectRoot);
    const layer = { project, root: Buffer.from(place.root), owner: workspace.owner };
    for (const { path, after } of writes) if (after !== undefined) makeParents(layer, path);
  }
  await replaceFiles(workspace, { ...place, writes, steps, settle, step, tell });
}

function placeIn(
  { strategy, directories, projectRoot }: PreparedWorkspace,
  process: ProcessIdentity | undefined,
  base: string,
): { root: string; cage: NonNullable<ApplyJournal['cage']> } {
  switch (strategy) {
    case 'copy':
      return { root: directories.tree, cage: { view: 'tree', base } };
    case 'overlay':
      if (process === undefined) return { root: directories.upper, cage: { view: 'layer', base } };
      return {
        root: projectRoot,
        cage: { view: 'process', process: { pid: process.pid, startTicks: process.startTicks }, base },
      };
    case 'mount':
      throw new Error('a mounted project is in place already');
    default:
      return strategy satisfies never;
  }
}

/** A file of the host that is new is there already where an overlay lets it show through. */
function inTheWay(
  { strategy, directories }: PreparedWorkspace,
  { root, cage }: ReturnType<typeof placeIn>,
  writes: SyncPlan['writes'],
): Conflict[] {
  const seen = cage.process === undefined ? root : `/proc/${cage.process.pid}/root${root}`;
  const isThere = new Set<string>();
  if (strategy === 'overlay') {
    const upper = openDirectory(directories.upper);
    for (const { path } of writes) if (lookAt(upper, path) !== undefined) isThere.add(toText(path));
    closeSync(upper);
  }
  return findObstacles(seen, writes).filter(
    ({ path, kind }) => cage.view !== 'process' || kind !== 'exists' || isThere.has(path),
  );
}

function refuseSyncConflicts(conflicts: readonly Conflict[]): void {
  if (conflicts.length === 0) return;
  throw new IronError('E_CONFLICT', {
    message: `the cage and the host differ in ${conflicts.length} ${conflicts.length === 1 ? 'file' : 'files'}`,
    because: conflicts.map(({ path, kind }) => `${JSON.stringify(path)} (${kind})`),
    hint: 'nothing was changed; name the paths that shall come, or add --force to lose the cage’s side of these files',
    details: { conflicts },
  });
}
