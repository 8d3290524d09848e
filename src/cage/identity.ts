// Which host user a cage runs as. An ordinary caller's cages run as the caller; root's run as uids that own nothing else.
import { randomInt } from 'node:crypto';
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
  { slot, sharedSlot, backend, sudo }: Pick<CageSpec, 'slot' | 'sharedSlot' | 'backend' | 'sudo'>,
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
  const { uid, gid } = slotOwner(sharedSlot ?? slot);
  // A container of root's has no user namespace: inside, its numbers are those of the host.
  const insideId = backend === 'native' ? INSIDE_ID : uid;
  return { uid, gid, egressUid, insideUid: insideId, insideGid: insideId };
}
