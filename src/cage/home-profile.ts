// A home that several cages share because each was asked to: by its name, below the data root, outside of every cage. What
// is in it was written by all of them, so it is hostile to each. Nothing is ever mounted below it, and no cage's end is its end.
import { randomBytes } from 'node:crypto';
import { chownSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, pathExists, readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { parseJson } from '../platform/json.ts';
import type { Context } from './context.ts';
import { currentCaller, drawSlot, slotOwner } from './identity.ts';
import { copySeed } from './seed-home.ts';
import { homeProfilePaths, homeProfilesDirectory } from './shared-places.ts';
import type { SpecBinding } from './spec.ts';

const recordSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  createdAt: z.string(),
  slot: z.int().nonnegative().optional().describe('of a profile made by root: the user of all its cages'),
  placeholders: z.record(z.string(), z.string().min(32)).describe('by secret: logins in the home hold them'),
});

export type HomeProfile = z.infer<typeof recordSchema>;

/** The profile of that name; made when there is none, with the user's seed. */
export function ensureHomeProfile(context: Context, name: string): Promise<HomeProfile> {
  return withHomeProfiles(context, async () => readHomeProfile(context, name) ?? makeHomeProfile(context, name));
}

/** Undefined when there is none. Throws E_SPEC_BROKEN when it cannot be read, E_PROTECTION when another user made it. */
export function readHomeProfile(context: Context, name: string): HomeProfile | undefined {
  const { record } = homeProfilePaths(context, name);
  const text = readTextIfPresent(record);
  if (text === undefined) return undefined;
  const parsed = recordSchema.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.name !== name) {
    throw new IronError('E_SPEC_BROKEN', {
      message: `the profile ${name} cannot be read: ${record}`,
      hint: `repair the file, or keep what you need of ${join(record, '../home')} and remove the profile's directory`,
    });
  }
  if ((parsed.data.slot === undefined) === (currentCaller().uid === 0)) {
    throw new IronError('E_PROTECTION', {
      message: `the profile ${name} was made by ${parsed.data.slot === undefined ? 'an ordinary user' : 'root'}`,
      hint: 'use it as the user who made it, or choose another name',
    });
  }
  return parsed.data;
}

/** Whole or not at all: it is filled under another name. */
async function makeHomeProfile(context: Context, name: string): Promise<HomeProfile> {
  const directory = homeProfilesDirectory(context);
  for (const entry of readdirSync(directory)) if (entry.startsWith(NEW)) removeTree(join(directory, entry), directory);
  const slot = drawSlot(currentCaller());
  const profile: HomeProfile = {
    version: 1,
    name,
    createdAt: new Date(context.clock.now()).toISOString(),
    ...(slot === undefined ? {} : { slot }),
    placeholders: {},
  };
  const temporary = join(directory, `${NEW}${randomBytes(6).toString('hex')}`);
  const home = join(temporary, 'home');
  makeDirectory(home);
  const owner = slot === undefined ? undefined : slotOwner(slot);
  if (owner !== undefined) chownSync(home, owner.uid, owner.gid);
  for (const { path, reason } of await copySeed(context, home, owner))
    context.progress(`left out of the home: ${path} (${reason})`);
  writeRecord(join(temporary, 'profile.json'), profile);
  const { root } = homeProfilePaths(context, name);
  if (pathExists(root)) {
    throw new IronError('E_SPEC_BROKEN', {
      message: `the profile ${name} has lost its record`,
      because: `there is ${root}, but no profile.json in it`,
      hint: 'take out what you need and remove that directory',
    });
  }
  renameSync(temporary, root);
  return profile;
}

const NEW = '.new-';

/** The same bindings with the placeholders of the profile; one that it did not have yet is its own from now on. */
export function shareProfilePlaceholders(
  context: Context,
  name: string,
  bindings: readonly SpecBinding[],
): Promise<SpecBinding[]> {
  return withHomeProfiles(context, async () => {
    const profile = readHomeProfile(context, name) ?? (await makeHomeProfile(context, name));
    const known = new Map(Object.entries(profile.placeholders));
    const shared = bindings.map((binding) => {
      const placeholder = known.get(binding.name) ?? binding.placeholder;
      known.set(binding.name, placeholder);
      return { ...binding, placeholder };
    });
    const placeholders = Object.fromEntries(known);
    if (Object.keys(placeholders).length > Object.keys(profile.placeholders).length)
      writeRecord(homeProfilePaths(context, name).record, { ...profile, placeholders });
    return shared;
  });
}

function writeRecord(path: string, profile: HomeProfile): void {
  writeFileAtomic(path, `${JSON.stringify(profile, undefined, 2)}\n`);
}

/** One writer at a time over all profiles. */
export function withHomeProfiles<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const directory = homeProfilesDirectory(context);
  makeDirectory(directory);
  return withLock(join(directory, '.lock'), { what: 'the shared homes' }, work);
}
