// Another egress for a cage that lives and has lost its own: the same policy, the same authority, the same record, on
// listeners that are opened again in the cage's network. What runs in the cage only sees its connections break.
import { endConfined } from '../backends/host/confined-process.ts';
import { writeTrust } from '../backends/host/run-files.ts';
import { cageListeners } from './compose-plan.ts';
import { containerPlan } from './container-plan.ts';
import { launchEgress } from './launch-egress.ts';
import type { CageSession } from './session.ts';
import type { RunningState } from './state.ts';
import { noteCageState, writeCageState } from './store.ts';

/** The caller holds the lock, and the cage is `degraded`. Throws E_EGRESS; the cage then stays as it is, without a network. */
export async function restartEgress(session: CageSession, before: RunningState): Promise<RunningState> {
  const { context, spec, paths, identity, callerIsRoot, backend } = session;
  const { replacement, ...state } = before;
  context.step('egress: begin');
  if (replacement !== undefined) await endConfined(replacement);
  // It may have lost only its gate.
  await endConfined(before.egress);
  const egress = launchEgress(session);
  try {
    writeCageState(context, spec.name, { ...state, replacement: egress.identity });
    context.step('egress: announced');
    const caPem = await egress.configure();
    // The authority is the same unless it was about to end; what runs already has read the old one.
    writeTrust(paths.run, caPem);
    const plan = {
      ...{ identity, callerIsRoot, runDirectory: paths.run, listeners: cageListeners(session) },
      container: state.container && containerPlan(session, state.container),
    };
    const reopened = await backend.reopenListeners(plan, state, (request, handle) => egress.listener(request, handle));
    context.step('egress: listening');
    const served = await egress.serve();
    context.step('egress: serving');
    const running: RunningState = { ...state, ...reopened, ...served };
    writeCageState(context, spec.name, running);
    context.step('egress: written');
    egress.detach();
    return running;
  } catch (error) {
    await endConfined(egress.identity);
    egress.kill();
    noteCageState(context, spec.name, state);
    throw error;
  }
}
