// As root each cage is another user, and caches that several share belong to one: its number is drawn once for each data root.
import { join } from 'node:path';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { parseJson } from '../platform/json.ts';
import type { Context } from './context.ts';
import { currentCaller, drawSlot } from './identity.ts';
import { cachesDirectory } from './shared-places.ts';

const ownerSchema = z.strictObject({ version: z.literal(1), slot: z.int().nonnegative() });

/** Undefined for an ordinary caller. Throws E_SPEC_BROKEN when what was drawn cannot be read. */
export async function cacheSlot(context: Context): Promise<number | undefined> {
  const slot = drawSlot(currentCaller());
  if (slot === undefined) return undefined;
  const directory = cachesDirectory(context);
  makeDirectory(directory);
  return withLock(join(directory, '.lock'), { what: 'the package caches' }, async () => {
    const file = join(directory, 'owner.json');
    const text = readTextIfPresent(file);
    if (text === undefined) {
      writeFileAtomic(file, `${JSON.stringify({ version: 1, slot })}\n`);
      return slot;
    }
    const known = ownerSchema.safeParse(parseJson(text));
    if (known.success) return known.data.slot;
    throw new IronError('E_SPEC_BROKEN', {
      message: `whose the package caches are cannot be read: ${file}`,
      hint: 'remove every cage with --cache, then that directory: what is in it can be fetched again',
    });
  });
}
