// A rewind that was agreed on: `rewinding` in the directory of the cage holds all that is to come and the place for what is there. From
// the moment it has that name the cage becomes what it holds, whoever finishes that; before, nothing of the cage has changed.
import { readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory, pathExists, removeTree } from '../platform/files.ts';
import { dataParts } from './cage-data.ts';
import type { Context } from './context.ts';
import { keepSnapshot } from './snapshot-store.ts';
import { cagePaths, readSpec } from './store.ts';

function placesOf(context: Context, cage: string): { root: string; making: string; agreed: string } {
  const { root } = cagePaths(context, cage);
  return { root, making: join(root, 'rewinding.new'), agreed: join(root, 'rewinding') };
}

export interface RewindPlaces {
  /** For what is to come: laid out as the cage. */
  next: string;
  /** Becomes the snapshot of what is there now. */
  before: string;
}

/** Empty places, which the next repair takes away unless `agreeToRewind` follows. The caller holds the lock. */
export function beginRewind(context: Context, cage: string, before: string): RewindPlaces {
  const { root, making } = placesOf(context, cage);
  removeTree(making, root);
  const places = { next: join(making, 'next'), before: join(making, 'before', before) };
  for (const place of Object.values(places)) makeDirectory(place);
  return places;
}

export function agreeToRewind(context: Context, cage: string): void {
  const { making, agreed } = placesOf(context, cage);
  renameSync(making, agreed);
}

export function isRewinding(context: Context, cage: string): boolean {
  return pathExists(placesOf(context, cage).agreed);
}

/** Takes away what was not agreed on. Returns whether there was anything. */
export function sweepRewind(context: Context, cage: string): boolean {
  const { root, making } = placesOf(context, cage);
  const isThere = pathExists(making);
  removeTree(making, root);
  return isThere;
}

/** Does what is left to do of a rewind that was agreed on. The cage does not run; the caller holds the lock. Throws E_SPEC_BROKEN. */
export async function finishRewind(context: Context, cage: string): Promise<void> {
  const { root, agreed } = placesOf(context, cage);
  const parts = dataParts(await readSpec(context, cage));
  const [name] = pathExists(join(agreed, 'before')) ? readdirSync(join(agreed, 'before')) : [];
  for (const { path } of parts) {
    const [next, live] = [join(agreed, 'next', path), join(root, path)];
    if (!pathExists(next)) continue;
    if (pathExists(live) && name !== undefined) {
      const before = join(agreed, 'before', name, path);
      makeDirectory(dirname(before));
      renameSync(live, before);
      context.step('rewind: moved away');
    }
    renameSync(next, live);
    context.step('rewind: moved in');
  }
  if (name !== undefined) keepSnapshot(context, cage, name, join(agreed, 'before', name));
  context.step('rewind: kept');
  removeTree(agreed, root);
}
