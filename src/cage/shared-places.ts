// Where what cages share lies on the host, and what of it goes into which cage. Nothing here looks into what cages wrote.
import { chownSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Bind, CageIdentity } from '../backends/backend.ts';
import { IronError } from '../platform/errors.ts';
import { isInside, makeDirectory } from '../platform/files.ts';
import type { Context } from './context.ts';
import { PACKAGE_CACHES } from './package-caches.ts';
import type { CageSpec } from './spec.ts';
import type { CagePaths } from './store.ts';

export function homeProfilesDirectory({ dataRoot }: Pick<Context, 'dataRoot'>): string {
  return join(dataRoot, 'profiles');
}

export function homeProfilePaths(
  context: Pick<Context, 'dataRoot'>,
  name: string,
): { root: string; home: string; record: string } {
  const root = join(homeProfilesDirectory(context), name);
  return { root, home: join(root, 'home'), record: join(root, 'profile.json') };
}

/** Throws E_SPEC_BROKEN when its home is no more: a cage must not go on in an empty one. */
export function requireHomeProfile(context: Pick<Context, 'dataRoot'>, name: string): void {
  if (isDirectory(homeProfilePaths(context, name).home)) return;
  throw new IronError('E_SPEC_BROKEN', {
    message: `the profile ${name} is gone, and with it the home of this cage`,
    hint: `put it back below ${homeProfilesDirectory(context)}, or take the cage’s work out and remove the cage`,
  });
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

export function cachesDirectory({ dataRoot }: Pick<Context, 'dataRoot'>): string {
  return join(dataRoot, 'caches');
}

/** What the cage sees as its home: its own, or that of its profile. */
export function homeOf(
  context: Pick<Context, 'dataRoot'>,
  { profile }: Pick<CageSpec, 'profile'>,
  paths: Pick<CagePaths, 'home'>,
): string {
  return profile === undefined ? paths.home : homeProfilePaths(context, profile).home;
}

/** Mounts of the caches that the cage shares; their directories are there afterwards. */
export function cacheBinds(
  context: Pick<Context, 'dataRoot'>,
  { caches = [], home }: Pick<CageSpec, 'caches' | 'home'>,
  owner: Pick<CageIdentity, 'uid' | 'gid'> | undefined,
): Bind[] {
  return caches.map((name) => {
    const source = join(cachesDirectory(context), name);
    makeDirectory(source);
    if (owner !== undefined) chownSync(source, owner.uid, owner.gid);
    return { source, target: join(home, PACKAGE_CACHES[name].path), writable: true };
  });
}

/**
 * Another cage can put a link into what is shared while this one starts: a mount whose way leads through it could land anywhere.
 * Throws E_PROTECTION.
 */
export function refuseMountsThroughShared(
  { profile, caches = [], home }: Pick<CageSpec, 'profile' | 'caches' | 'home'>,
  targets: readonly string[],
): void {
  const shared = profile === undefined ? caches.map((name) => join(home, PACKAGE_CACHES[name].path)) : [home];
  const led = targets.find((target) => shared.some((area) => target !== area && isInside(target, area)));
  if (led === undefined) return;
  throw new IronError('E_PROTECTION', {
    message: `${led} cannot be mounted where other cages write`,
    because: 'one of them could put a link in its way, and the mount would land somewhere else',
    hint: `give it a target outside of ${shared.join(', ')}, or leave ${profile === undefined ? '--cache' : '--profile'} out`,
  });
}
