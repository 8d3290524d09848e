// A cage that runs: the one that does already, or one that is started now. Apart from the start itself, so that a command
// on a running cage does not load what starts one.
import { readSockets, type SocketTables } from '../backends/host/cage-network.ts';
import type { ProcessIdentity } from '../platform/processes.ts';
import { confirmNetwork } from './confirm-network.ts';
import { confirmPolicy } from './confirm-policy.ts';
import type { Context } from './context.ts';
import type { LaunchedEgress } from './launch-egress.ts';
import { needsMending } from './published.ts';
import { repairCage, stateHealth } from './repair.ts';
import { openSession, type CageSession } from './session.ts';
import type { RunningState } from './state.ts';
import { readCageState, writeCageState } from './store.ts';

export interface RunningWish {
  /** The cage is only wanted for its users: the last to leave stops it. A cage that was started to stay, stays. */
  stopWhenIdle: boolean;
  /** One that begins already, of a cage that was just made. */
  egress?: LaunchedEgress | undefined;
}

/** The caller holds the lock. */
export async function ensureRunning(
  context: Context,
  name: string,
  { stopWhenIdle, egress }: RunningWish = { stopWhenIdle: false },
): Promise<RunningState> {
  const early = readSocketsEarly(context, name);
  for (const line of await repairCage(context, name)) context.progress(line);
  const before = readCageState(context, name);
  const session = await openSession(context, name);
  const health = stateHealth(before);
  if (before.phase !== 'running' || (health !== 'running' && health !== 'degraded')) {
    const { startLocked } = await import('./start.ts');
    return startLocked(session, stopWhenIdle, egress);
  }
  const served =
    health === 'running' ? await confirmPolicy(context, session.spec, before) : await replaceEgress(session, before);
  const isSeen =
    health === 'running' && early?.init.pid === before.init.pid && early.init.startTicks === before.init.startTicks;
  await confirmNetwork(session.spec, served, isSeen ? early.sockets : undefined);
  const state = needsMending(session.spec, served) ? await mendPorts(session, served) : served;
  if (stopWhenIdle || !state.stopWhenIdle) return state;
  const staying = { ...state, stopWhenIdle: false };
  writeCageState(context, name, staying);
  return staying;
}

/** The kernel takes as long to tell of them as all the rest takes that is done until they are wanted. */
function readSocketsEarly(
  context: Context,
  name: string,
): { init: ProcessIdentity; sockets: Promise<SocketTables> } | undefined {
  try {
    const state = readCageState(context, name);
    return state.phase === 'running' ? { init: state.init, sockets: readSockets(state.init) } : undefined;
  } catch {
    // Repaired first, and told where it cannot be.
    return undefined;
  }
}

async function mendPorts(session: CageSession, before: RunningState): Promise<RunningState> {
  const { mendPublishing } = await import('./publishing.ts');
  return mendPublishing(session, before);
}

async function replaceEgress(session: CageSession, before: RunningState): Promise<RunningState> {
  const { context, spec } = session;
  if (spec.net === 'open') {
    context.progress(`the router of ${spec.name} had ended, so that the cage had no network: it is started again`);
    const { replaceRouter } = await import('./start-open.ts');
    return replaceRouter(session, before);
  }
  context.progress(`the egress of ${spec.name} had ended, so that the cage had no network: it is started again`);
  const { restartEgress } = await import('./restart-egress.ts');
  return restartEgress(session, before);
}
