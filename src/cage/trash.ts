// The trash: removed cages, each moved there whole by one rename and kept for seven days. What says whether its work was looked at is
// part of an entry's name, so that no file has to be written for it. Keys and what only a running cage needs do not come along.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, IronError, systemErrorCode, toIronError } from '../platform/errors.ts';
import { makeDirectory, namesIn, pathExists, removeTree } from '../platform/files.ts';
import type { Context } from './context.ts';
import { cagePaths, cagesDirectory } from './store.ts';

export const TRASH_DAYS = 7;
const DAY_MS = 86_400_000;

export interface TrashedCage {
  /** Also the name of its directory. */
  id: string;
  /** That it had as a cage. */
  name: string;
  /** ISO 8601. */
  removedAt: string;
  /** At its removal it was seen to hold nothing that was nowhere else. */
  checked: boolean;
  /** Its seven days are over. */
  expired: boolean;
}

/** Of a half-deleted entry, which nothing but a deletion may touch, the name begins with a dot. */
const ENTRY = /^([a-z0-9-]{1,63})\.(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{3})Z(\.unchecked)?$/;

export function trashDirectory(context: Pick<Context, 'dataRoot'>): string {
  return join(context.dataRoot, 'trash');
}

/** The newest first. */
export function listTrash(context: Context): TrashedCage[] {
  const nowMs = context.clock.now();
  return namesIn(trashDirectory(context))
    .flatMap((id) => parseEntry(id, nowMs) ?? [])
    .sort((a, b) => (a.removedAt < b.removedAt ? 1 : -1));
}

function parseEntry(id: string, nowMs: number): TrashedCage | undefined {
  const match = ENTRY.exec(id);
  if (match === null) return undefined;
  const [, name = '', year, month, day, hour, minute, second, milli, unchecked] = match;
  const removedAt = `${year}-${month}-${day}T${hour}:${minute}:${second}.${milli}Z`;
  const ageMs = nowMs - Date.parse(removedAt);
  return { id, name, removedAt, checked: unchecked === undefined, expired: ageMs >= TRASH_DAYS * DAY_MS };
}

/** `wanted` is an id, or a cage's name: then the one that was removed last. Throws E_NO_CAGE. */
export function findTrashed(context: Context, wanted: string): TrashedCage {
  const trash = listTrash(context);
  const found = trash.find(({ id }) => id === wanted) ?? trash.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw new IronError('E_NO_CAGE', {
    message: `there is no cage ${JSON.stringify(wanted)} in the trash`,
    because: trash.length === 0 ? 'it is empty' : `it holds ${trash.map(({ id }) => id).join(', ')}`,
    hint: `ironcage list --trash shows it; cages stay there for ${TRASH_DAYS} days`,
  });
}

/**
 * Moves what is left of a cage into the trash; the caller holds its lock and has ended it. Where the disk is so full that there
 * is no room for a name, it is deleted: who removes it has agreed to that.
 */
export function moveToTrash(context: Context, name: string, { checked }: { checked: boolean }): void {
  const { root, run, tmp, occupants, egress } = cagePaths(context, name);
  for (const path of [egress.ca, egress.control, run, tmp, occupants]) if (pathExists(path)) removeTree(path, root);
  context.step('trash: keys gone');
  try {
    makeDirectory(trashDirectory(context));
    renameSync(root, join(trashDirectory(context), freeId(context, name, checked)));
  } catch (error) {
    if (toIronError(error).code !== 'E_DISK_FULL') throw error;
    context.progress(`the disk is full: ${name} is deleted and not kept in the trash`);
    removeTree(root, cagesDirectory(context));
  }
}

function freeId(context: Context, name: string, checked: boolean): string {
  for (let atMs = context.clock.now(); ; atMs += 1) {
    const id = `${name}.${new Date(atMs).toISOString().replace(/[-:.]/g, '')}`;
    const taken = [id, `${id}.unchecked`].some((each) => pathExists(join(trashDirectory(context), each)));
    if (!taken) return checked ? id : `${id}.unchecked`;
  }
}

/** Deletes an entry; one whose deletion is cut off is never again taken for a whole one. */
export function deleteTrashed(context: Context, id: string): void {
  const trash = trashDirectory(context);
  const going = join(trash, `.${id}`);
  try {
    renameSync(join(trash, id), going);
  } catch (error) {
    // Somebody else has restored it, or deletes it.
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  context.step('trash: going');
  removeTree(going, trash);
}

/** Entries whose deletion was cut off. */
export function halfDeleted(context: Context): string[] {
  return namesIn(trashDirectory(context)).filter((name) => name.startsWith('.') && ENTRY.test(name.slice(1)));
}

/** What nobody could miss goes by itself: past its days, and known to hold no work that is nowhere else. */
export function emptyExpired(context: Context): void {
  for (const { id, checked, expired } of listTrash(context)) {
    if (!checked || !expired) continue;
    try {
      deleteTrashed(context, id);
    } catch (error) {
      context.progress(`${id} stays in the trash: ${errorMessage(error)}`);
    }
  }
}
