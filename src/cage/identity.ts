// Which host user a cage runs as. An ordinary caller's cages run as the caller; root's run as uids that own nothing else, or as
// the owner of a project that they are to write in place.
import { randomInt } from 'node:crypto';
import { lstatSync } from 'node:fs';
import type { CageIdentity } from '../backends/backend.ts';
import { IronError } from '../platform/errors.ts';
import type { CageSpec } from './spec.ts';

/**
 * First of the uids given to root's cages, two per cage: far above users, system ranges and the usual subordinate
 * ranges. Drawn at random, since cages of several data roots share one machine: 2^28 pairs end below 2^31.
 */
const FIRST_UID = 1_610_612_736;
const SLOTS = 2 ** 28;
const INSIDE_ID = 1000;
/** Of the ranges for containers with a root of their own: below those pairs, 65,536 numbers each. */
const FIRST_RANGE = 1_073_741_824;
const RANGES = 8192;
const RANGE_SIZE = 65_536;

export interface Caller {
  uid: number;
  gid: number;
}

export function currentCaller(): Caller {
  // Linux always has both; a platform without them has no native backend either.
  return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
}

/** A pair of uids for a new cage; undefined for an ordinary caller. */
export function drawSlot(caller: Caller): number | undefined {
  return caller.uid === 0 ? randomInt(SLOTS) : undefined;
}

/** Whom files belong to that several cages of root's share. */
export function slotOwner(slot: number): Caller {
  const uid = FIRST_UID + 2 * slot;
  return { uid, gid: uid };
}

export function cageIdentity(
  caller: Caller,
  { slot, sharedSlot, runsAs, backend, sudo }: Pick<CageSpec, 'slot' | 'sharedSlot' | 'runsAs' | 'backend' | 'sudo'>,
): CageIdentity {
  if (caller.uid !== 0) {
    return { uid: caller.uid, gid: caller.gid, egressUid: caller.uid, insideUid: caller.uid, insideGid: caller.gid };
  }
  if (slot === undefined) {
    throw new IronError('E_PROTECTION', {
      message: 'this cage was made by an ordinary user, and root would run it as root',
      hint: 'use it as the user who made it, or make one of root’s own',
    });
  }
  // The egress is never shared: it holds the values of this cage's secrets.
  const egressUid = slotOwner(slot).uid + 1;
  if (sudo === true) {
    const rootUid = FIRST_RANGE + (slot % RANGES) * RANGE_SIZE;
    const uid = rootUid + INSIDE_ID;
    return { uid, gid: uid, egressUid, insideUid: INSIDE_ID, insideGid: INSIDE_ID, rootUid };
  }
  const { uid, gid } = runsAs ?? slotOwner(sharedSlot ?? slot);
  // A container of root's has no user namespace: inside, its numbers are those of the host.
  const [insideUid, insideGid] = backend === 'native' ? [INSIDE_ID, INSIDE_ID] : [uid, gid];
  return { uid, gid, egressUid, insideUid, insideGid };
}

/**
 * Whom root's cage over a mounted project has to run as, so that what it writes belongs to the project's owner. Undefined: as any cage
 * of root's, which can read what everybody may. Throws E_PROTECTION where that owner is root.
 */
export function mountOwner(
  caller: Caller,
  project: string,
  workspace: CageSpec['workspace'],
): { uid: number; gid: number } | undefined {
  if (caller.uid !== 0 || workspace === 'copy') return undefined;
  const { uid, gid } = lstatSync(project);
  if (uid !== 0 && gid !== 0) return { uid, gid };
  if (workspace === 'mount-ro') return undefined;
  throw new IronError('E_PROTECTION', {
    message: `${project} cannot be mounted`,
    because: 'it belongs to root, and no cage runs as root: nothing in it could be written',
    hint: 'use --workspace copy or mount-ro, or give the directory to an ordinary user (chown -R USER:GROUP)',
  });
}
