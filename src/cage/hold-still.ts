// A running cage held still while its files are copied, so that the copy is of one moment. What stands in the journal is let go
// again: when the copy is done, or by the next command after a crash.
import { IronError } from '../platform/errors.ts';
import { isAlive } from '../platform/processes.ts';
import type { Context } from './context.ts';
import { announceHeld, letGo, type HeldJournal } from './held-journal.ts';
import { stateHealth } from './repair.ts';
import type { RunningState } from './state.ts';
import { readCageState } from './store.ts';

/** The caller holds the lock and has repaired the cage. One that does not run stands still by itself. Throws E_LOCKED, E_BACKEND. */
export async function holdingStill<T>(context: Context, name: string, work: () => Promise<T>): Promise<T> {
  const state = readCageState(context, name);
  if (state.phase !== 'running' || stateHealth(state) === 'broken') return work();
  try {
    const way = await hold(context, name, state);
    context.step('hold: still');
    const result = await work();
    if (way === 'signals' && (await hasMoved(state))) {
      throw new IronError('E_LOCKED', {
        message: `something came into the cage ${name} while its files were copied`,
        hint: 'run the command again',
      });
    }
    return result;
  } finally {
    await letGo(context, name);
    context.step('hold: let go');
  }
}

async function hold(context: Context, name: string, state: RunningState): Promise<HeldJournal['way']> {
  const { stoppedBefore, pauseProcesses } = await import('../backends/host/pause-processes.ts');
  const announce = (way: HeldJournal['way'], before: HeldJournal['before']): void => {
    announceHeld(context, name, { way, before });
    context.step('hold: announced');
  };
  if (state.container !== undefined) {
    const [{ pauseContainer }, { engineOf }] = await Promise.all([
      import('../backends/container/pause.ts'),
      import('../backends/container/detect.ts'),
    ]);
    announce('engine', []);
    if (await pauseContainer(state.container, engineOf(state.container, context.environment))) return 'engine';
    if (state.sandbox !== undefined || state.gate !== undefined) throw cannotHold(name);
  }
  announce('signals', stoppedBefore(state.init));
  if (!(await pauseProcesses(state.init))) throw cannotHold(name);
  return 'signals';
}

/** Who was on the way in is in by now; a container that its engine holds lets nobody in. */
async function hasMoved(state: RunningState): Promise<boolean> {
  const { arePaused } = await import('../backends/host/pause-processes.ts');
  return !isAlive(state.init) || !arePaused(state.init);
}

function cannotHold(name: string): IronError {
  return new IronError('E_BACKEND', {
    message: `the programs in ${name} cannot be held still`,
    because: 'a copy of files that change meanwhile would be of no one moment',
    hint: `stop it first (ironcage stop ${name}), then run the command again`,
  });
}
