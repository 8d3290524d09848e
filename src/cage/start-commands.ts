// `start`, `stop`, `restart`: the life cycle under the cage's lock.
import type { Context } from './context.ts';
import { ensureRunning } from './ensure-running.ts';
import { openSession } from './session.ts';
import { stopLocked } from './start.ts';
import { withCageLock } from './store.ts';

/** Starts the cage unless it runs already. */
export async function startCage(context: Context, name: string): Promise<void> {
  await withCageLock(context, name, async () => {
    await ensureRunning(context, name);
  });
}

/** Stops the cage if it runs; its files stay. */
export async function stopCage(context: Context, name: string): Promise<void> {
  await withCageLock(context, name, async () => {
    await openSession(context, name);
    await stopLocked(context, name);
  });
}

export async function restartCage(context: Context, name: string): Promise<void> {
  await withCageLock(context, name, async () => {
    await stopLocked(context, name);
    await ensureRunning(context, name);
  });
}
