// The shared homes there are, and who uses them. One is removed only when it was named, and never under a cage.
import { IronError } from '../platform/errors.ts';
import { namesIn, pathExists, removeTree } from '../platform/files.ts';
import type { Context } from './context.ts';
import { readHomeProfile, withHomeProfiles } from './home-profile.ts';
import { isCageName, parseHomeProfileName } from './names.ts';
import { homeProfilePaths, homeProfilesDirectory } from './shared-places.ts';
import { listCageNames, readSpec } from './store.ts';

export interface HomeProfileInfo {
  name: string;
  /** Empty of one that cannot be read. */
  createdAt: string;
  /** Cages that share it. */
  cages: readonly string[];
  /** On the host. */
  path: string;
}

export async function listHomeProfiles(context: Context): Promise<HomeProfileInfo[]> {
  const names = homeProfileNames(context);
  if (names.length === 0) return [];
  const users = await profileUsers(context);
  return names.map((name) => ({
    name,
    createdAt: createdAt(context, name),
    cages: users.filter(({ profile }) => profile === name).map(({ cage }) => cage),
    path: homeProfilePaths(context, name).home,
  }));
}

/** With all that is in it. Throws E_USAGE when there is none, E_LOCKED while a cage shares it or may. */
export async function removeHomeProfile(context: Context, text: string): Promise<void> {
  const name = parseHomeProfileName(text);
  await withHomeProfiles(context, async () => {
    const { root } = homeProfilePaths(context, name);
    if (!pathExists(root)) {
      throw new IronError('E_USAGE', {
        message: `there is no profile ${name}`,
        hint: '`ironcage profiles list` shows them; a cage gets one by --profile NAME',
      });
    }
    const users = await profileUsers(context);
    const cages = users.filter(({ profile }) => profile === name || profile === UNKNOWN).map(({ cage }) => cage);
    if (cages.length > 0) {
      throw new IronError('E_LOCKED', {
        message: `the profile ${name} is the home of ${cages.join(', ')}`,
        because: 'a cage whose spec cannot be read, or that is being made, may share it too',
        hint: `remove these cages first: ironcage rm ${cages.join(' ')}`,
        details: { cages },
      });
    }
    removeTree(root, homeProfilesDirectory(context));
  });
}

function homeProfileNames(context: Context): string[] {
  return namesIn(homeProfilesDirectory(context)).filter(isCageName).sort();
}

function createdAt(context: Context, name: string): string {
  try {
    return readHomeProfile(context, name)?.createdAt ?? '';
  } catch (error) {
    if (error instanceof IronError) return '';
    throw error;
  }
}

const UNKNOWN = Symbol('unknown');

async function profileUsers(
  context: Context,
): Promise<{ cage: string; profile: string | typeof UNKNOWN | undefined }[]> {
  return Promise.all(
    listCageNames(context).map(async (cage) => {
      const spec = await readSpec(context, cage).catch(() => undefined);
      return { cage, profile: spec === undefined ? UNKNOWN : spec.profile };
    }),
  );
}
