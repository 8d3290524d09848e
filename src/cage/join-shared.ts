// What a new cage shares with others, as its spec says it. Loads what that takes only when something is shared.
import type { Context } from './context.ts';
import type { CageRequest } from './options.ts';
import { PACKAGE_CACHES, type CacheName } from './package-caches.ts';
import { refuseMountsThroughShared } from './shared-places.ts';
import type { CageSpec, SpecBinding } from './spec.ts';

export type SharedPart = Pick<CageSpec, 'profile' | 'caches' | 'sharedSlot'>;

/** Makes the profile when it is new, and tells what sharing means. Throws E_PROTECTION, E_SPEC_BROKEN. */
export async function joinShared(
  context: Context,
  { profile, caches, binds }: Pick<CageRequest, 'profile' | 'caches' | 'binds'>,
  configured: readonly CacheName[],
  { home, project }: Pick<CageSpec, 'home' | 'project'>,
): Promise<SharedPart> {
  const targets = [project, ...binds.map(({ target }) => target)];
  if (profile !== undefined) {
    refuseMountsThroughShared({ profile, home }, targets);
    const { ensureHomeProfile } = await import('./home-profile.ts');
    const { slot } = await ensureHomeProfile(context, profile);
    context.progress(
      `profile ${profile}: what one of its cages leaves in the home the others run, and what one may reach the others reach through it`,
    );
    return { profile, ...(slot === undefined ? {} : { sharedSlot: slot }) };
  }
  const wanted = caches ?? configured;
  if (wanted.length === 0) return {};
  refuseMountsThroughShared({ caches: wanted, home }, targets);
  const { cacheSlot } = await import('./cache-owner.ts');
  const slot = await cacheSlot(context);
  const unchecked = wanted.filter((name) => !PACKAGE_CACHES[name].checked);
  const risk = unchecked.length === 0 ? 'only what a lock file names is checked' : `${unchecked.join(', ')}: unchecked`;
  context.progress(`shared caches ${wanted.join(', ')}: what one cage puts there the others install (${risk})`);
  return { caches: [...wanted], ...(slot === undefined ? {} : { sharedSlot: slot }) };
}

/** Logins in a shared home hold placeholders: all cages of a profile have the same ones. */
export async function sharePlaceholders(
  context: Context,
  profile: string | undefined,
  bindings: readonly SpecBinding[],
): Promise<SpecBinding[]> {
  if (profile === undefined || bindings.length === 0) return [...bindings];
  const { shareProfilePlaceholders } = await import('./home-profile.ts');
  return shareProfilePlaceholders(context, profile, bindings);
}
