// Who uses a running cage right now: the commands that are attached to it, and the processes it has of its own. Asked
// before a cage is stopped because its last user left. Both are only true while the cage's lock is held.
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cageProcesses } from '../backends/host/cage-processes.ts';
import { makeDirectory } from '../platform/files.ts';
import { linkOwnIdentity, readIdentityLink } from '../platform/identity-link.ts';
import { isAlive } from '../platform/processes.ts';
import type { RunningState } from './state.ts';
import type { CagePaths } from './store.ts';

/** Notes this process as a user of the cage; the returned function takes the note back. The caller holds the lock. */
export function occupy(paths: CagePaths): () => void {
  makeDirectory(paths.occupants);
  const note = join(paths.occupants, `${process.pid}-${randomBytes(4).toString('hex')}`);
  linkOwnIdentity(note);
  return () => rmSync(note, { force: true });
}

/** Whether anybody is attached, or anything runs in the cage. */
export async function isOccupied(paths: CagePaths, state: RunningState): Promise<boolean> {
  return liveOccupants(paths) > 0 || isBusy(state);
}

/** Whether anything runs besides process 1 and, in a native cage, the program that keeps its namespace. */
export async function isBusy({ init, container, sandbox }: RunningState): Promise<boolean> {
  if (sandbox !== undefined) {
    const { sandboxProcesses } = await import('../backends/container/gvisor.ts');
    const inside = await sandboxProcesses(sandbox);
    // One that does not say is not stopped under whoever works in it.
    return inside === undefined ? isAlive(init) : inside.length > 0;
  }
  return cageProcesses(init).length > (container === undefined ? 2 : 1);
}

/** Counts the notes of live processes; those of dead ones are swept. */
function liveOccupants(paths: CagePaths): number {
  makeDirectory(paths.occupants);
  let live = 0;
  for (const name of readdirSync(paths.occupants)) {
    const note = join(paths.occupants, name);
    const identity = readIdentityLink(note);
    if (identity !== undefined && identity !== 'gone' && isAlive(identity)) live += 1;
    else rmSync(note, { force: true });
  }
  return live;
}
