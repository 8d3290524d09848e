// A cage that ran before a change runs after it.
import type { Context } from './context.ts';
import { openSession } from './session.ts';
import { startLocked } from './start.ts';
import type { CageState } from './state.ts';
import { readCageState } from './store.ts';

/** `before`: its state before the change. The caller holds the lock and has repaired the cage. */
export async function startAgain(context: Context, name: string, before: CageState): Promise<void> {
  if (before.phase !== 'running' || readCageState(context, name).phase === 'running') return;
  await startLocked(await openSession(context, name), before.stopWhenIdle);
}
