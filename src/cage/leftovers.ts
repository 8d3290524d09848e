// What `prune` takes away: cages in the trash, and what commands left behind that were cut off. Work that is nowhere else is named, and
// goes only where that is said.
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, systemErrorCode } from '../platform/errors.ts';
import { namesIn, pathExists, removeTree } from '../platform/files.ts';
import { countSlowly, tellIfSlow } from '../platform/slowness.ts';
import type { Context } from './context.ts';
import { restoresUnderWay, settleRestore, stagePath } from './restore-journal.ts';
import { cagePaths, cagesDirectory, listCageNames, withCageLock } from './store.ts';
import { deleteTrashed, halfDeleted, listTrash, trashDirectory, type TrashedCage } from './trash.ts';
import { OF_CLONE, unexportedIn } from './work.ts';
import { workspacesBelow } from './workspaces.ts';

export interface PruneQuery {
  /** Cages that were removed before this moment, in milliseconds since the epoch. */
  removedBeforeMs: number;
}

export interface Leftover {
  kind: 'trash' | 'debris';
  /** Of a trashed cage its id in the trash, else a path below the data root. */
  id: string;
  /** ISO 8601: when the cage was removed. */
  removedAt?: string;
  bytes: number;
  /** Work in it that is nowhere else. */
  unexported: readonly string[];
}

/** Whoever is at work renames these away within moments. */
const DEBRIS_AGE_MS = 3_600_000;
/** Half-written files and the remains of broken locks. */
const DEBRIS = /^\..+\.(?:[0-9a-f]{12}\.tmp|[0-9]+\.[0-9a-f]{8}\.stale)$/;

/** The largest first within its kind. Touches nothing. */
export async function findLeftovers(context: Context, query: PruneQuery): Promise<Leftover[]> {
  const leftovers: Leftover[] = [];
  const trash = listTrash(context).filter(({ removedAt }) => Date.parse(removedAt) <= query.removedBeforeMs);
  const count = countSlowly((line) => context.progress(line), 'removed cages looked at', trash.length);
  for (const cage of trash) {
    count(leftovers.length);
    const root = join(trashDirectory(context), cage.id);
    const { id, removedAt } = cage;
    const unexported = await tellIfSlow(
      (line) => context.progress(line),
      `looking for work in ${id}`,
      () => workIn(context, cage),
    );
    leftovers.push({ kind: 'trash', id, removedAt, bytes: sizeOf(root), unexported });
  }
  for (const path of debris(context)) {
    leftovers.push({ kind: 'debris', id: path, bytes: sizeOf(join(context.dataRoot, path)), unexported: [] });
  }
  return leftovers.sort((a, b) => (a.kind === b.kind ? b.bytes - a.bytes : a.kind === 'trash' ? -1 : 1));
}

export interface Pruned {
  removed: readonly Leftover[];
  /** Kept for the work in them. */
  kept: readonly Leftover[];
  /** What could not be taken away, and why. */
  failed: readonly { id: string; because: string }[];
}

/** `discard`: also cages whose work is nowhere else. What is gone already by now counts as removed. */
export async function removeLeftovers(
  context: Context,
  leftovers: readonly Leftover[],
  { discard }: { discard: boolean },
): Promise<Pruned> {
  const removed: Leftover[] = [];
  const kept: Leftover[] = [];
  const failed: { id: string; because: string }[] = [];
  for (const leftover of leftovers) {
    if (leftover.unexported.length > 0 && !discard) {
      kept.push(leftover);
      continue;
    }
    try {
      await remove(context, leftover);
      context.step('prune: one gone');
      removed.push(leftover);
    } catch (error) {
      failed.push({ id: leftover.id, because: errorMessage(error) });
    }
  }
  return { removed, kept, failed };
}

async function remove(context: Context, { kind, id }: Leftover): Promise<void> {
  context.progress(`removing ${id}`);
  switch (kind) {
    case 'trash': {
      // Under the lock of its name, so that nobody brings it back meanwhile.
      const entry = listTrash(context).find((each) => each.id === id);
      if (entry !== undefined)
        await withCageLock(context, entry.name, () => Promise.resolve(deleteTrashed(context, id)));
      return;
    }
    case 'debris': {
      if (!debris(context).includes(id)) return;
      const restored = restoresUnderWay(context).find(
        (name) => join(context.dataRoot, id) === stagePath(context, name),
      );
      if (restored === undefined) return removeTree(join(context.dataRoot, id), context.dataRoot);
      // Whoever has the lock is at work on it.
      await withCageLock(context, restored, async () => void settleRestore(context, restored));
      return;
    }
    default:
      throw new Error(`no such leftover: ${String(kind satisfies never)}`);
  }
}

/** What was seen to be taken over when the cage was removed is not looked at again: its project may be gone since. */
async function workIn(context: Context, { id, checked }: TrashedCage): Promise<readonly string[]> {
  if (checked) return [];
  try {
    const root = join(trashDirectory(context), id);
    const [{ filesOnlyInSnapshots }, { unpushedWork }] = await Promise.all([
      import('./snapshot-work.ts'),
      import('../workspace/clone-work.ts'),
    ]);
    const work = [...(await unexportedIn(context, await workspacesBelow(root))), ...(await filesOnlyInSnapshots(root))];
    // Of one that was made from a URL: its clone went into the trash with it.
    for (const name of namesIn(join(root, 'source'))) {
      const unpushed = await unpushedWork(join(root, 'source', name));
      work.push(...unpushed.map((each) => `${OF_CLONE}${each}`));
    }
    return work;
  } catch (error) {
    return [`it cannot be looked at: ${errorMessage(error)}`];
  }
}

/** Paths below the data root. */
function debris(context: Context): string[] {
  const places = [
    context.dataRoot,
    cagesDirectory(context),
    ...listCageNames(context).map((name) => cagePaths(context, name).root),
  ];
  const beforeMs = context.clock.now() - DEBRIS_AGE_MS;
  const isOld = (path: string): boolean => (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < beforeMs;
  return [
    ...halfDeleted(context).map((name) => join(trashDirectory(context), name)),
    ...restoresUnderWay(context)
      .map((name) => stagePath(context, name))
      .filter(pathExists),
    ...places.flatMap((place) =>
      namesIn(place)
        .filter((name) => DEBRIS.test(name))
        .map((name) => join(place, name))
        .filter(isOld),
    ),
  ].map((path) => path.slice(context.dataRoot.length + 1));
}

/** Bytes on disk. What cannot be read counts as nothing: it is only told. */
function sizeOf(path: string): number {
  try {
    const stat = lstatSync(path);
    const own = stat.blocks * 512;
    if (!stat.isDirectory()) return own;
    return readdirSync(path).reduce((sum, name) => sum + sizeOf(`${path}/${name}`), own);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return 0;
  }
}
