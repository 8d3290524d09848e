// Whoever is attached to a cage watches over its egress: one that ends is started again at once, not with the next command.
// Bounded, so that what kills an egress again and again wins nothing but a cage without a network.
import { isAlive } from '../platform/processes.ts';
import type { Context } from './context.ts';
import { ensureRunning } from './ensure-running.ts';
import { stateHealth } from './repair.ts';
import type { RunningState } from './state.ts';
import { readCageState, withCageLock } from './store.ts';

const LOOK_MS = 250;
const MOST_RESTARTS = 5;

/** The returned function ends the watch; it resolves when a restart under way has come to its end. */
export function watchEgress(context: Context, name: string, state: RunningState): () => Promise<void> {
  let egress = state.egress;
  let restarts = 0;
  let underway: Promise<void> | undefined;
  const timer = setInterval(() => {
    if (underway !== undefined || isAlive(egress)) return;
    if (restarts >= MOST_RESTARTS) {
      clearInterval(timer);
      return;
    }
    restarts += 1;
    underway = replace()
      // The cage is without a network then, and the next command says why.
      .catch(() => clearInterval(timer))
      .finally(() => (underway = undefined));
  }, LOOK_MS);

  async function replace(): Promise<void> {
    await withCageLock(context, name, async () => {
      const now = readCageState(context, name);
      // Stopped, or started anew, by somebody else: that cage is not the one that we are attached to.
      if (now.phase !== 'running' || now.init.pid !== state.init.pid || stateHealth(now) === 'broken') {
        clearInterval(timer);
        return;
      }
      ({ egress } = await ensureRunning(context, name, { stopWhenIdle: now.stopWhenIdle }));
    });
  }

  return async () => {
    clearInterval(timer);
    await underway;
  };
}
