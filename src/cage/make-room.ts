// Room for a cage that is to come back under a name: the one that has it now stays unless `force`, and then goes into the trash, after
// its unexported work was named.
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { endForRemoval, moveAway, refuseToLose } from './remove.ts';
import { repairCage } from './repair.ts';
import { cageExists } from './store.ts';

export interface RoomOptions {
  /** A cage of that name goes into the trash. */
  force: boolean;
  /** Also with work that is nowhere else. */
  discard: boolean;
}

/** Before anything is made. The caller holds the lock of that name. Throws E_CAGE_EXISTS, or E_UNEXPORTED that names the files. */
export async function refuseTaken(context: Context, name: string, { force, discard }: RoomOptions): Promise<void> {
  for (const line of await repairCage(context, name)) context.progress(line);
  if (!cageExists(context, name)) return;
  if (!force) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `there is a cage ${name} already`,
      hint: 'restore under another name (--name NAME), or add --force: the cage that is there then goes into the trash',
    });
  }
  if (!discard) await refuseToLose(context, name);
}

/** The caller has called `refuseTaken`; what is to come is whole. Throws E_UNEXPORTED for what came to be since. */
export async function endOther(context: Context, name: string, { discard }: RoomOptions): Promise<void> {
  if (cageExists(context, name)) await endForRemoval(context, name, { discard });
}

/** The caller has called `endOther`. */
export async function makeRoom(context: Context, name: string, { discard }: RoomOptions): Promise<void> {
  if (cageExists(context, name)) await moveAway(context, name, { discard });
}
