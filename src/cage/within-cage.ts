// Work in a cage from its first to its last moment: made ready, noted as in use, and left as its last user leaves it.
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { isOccupied, occupy } from './occupancy.ts';
import { openSession, type CageSession } from './session.ts';
import { cagePaths, readCageState, withCageLock } from './store.ts';

/** `ready`: under the cage's lock; what it gives is for `work`, which is done without. */
export async function withinCage<Ready, Outcome>(
  context: Context,
  name: string,
  ready: () => Promise<Ready>,
  work: (session: CageSession, ready: Ready) => Promise<Outcome>,
): Promise<Outcome> {
  const { given, leave } = await withCageLock(context, name, async () => ({
    given: await ready(),
    leave: occupy(cagePaths(context, name)),
  }));
  try {
    return await work(await openSession(context, name), given);
  } finally {
    await leaveCage(context, name, leave);
  }
}

/** Takes back the note of being attached; the last to leave a cage that only runs for its users stops it. */
export async function leaveCage(context: Context, name: string, leave: () => void): Promise<void> {
  await withCageLock(context, name, async () => {
    leave();
    await bringCommits(context, name);
    const state = readCageState(context, name);
    if (state.phase !== 'running' || !state.stopWhenIdle) return;
    if (await isOccupied(cagePaths(context, name), state)) return;
    const { stopLocked } = await import('./start.ts');
    await stopLocked(context, name);
  });
}
