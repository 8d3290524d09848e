// Starting an open cage, and giving one that lives another router. What the egress is to every other cage, the router is to it:
// without it there is no network, and it is there, with its rules, before anything of the agent's runs.
import type { ProcessIdentity } from '../platform/processes.ts';
import { composePlan } from './compose-plan.ts';
import { confirmNetwork } from './confirm-network.ts';
import { expectedGeneration } from './confirm-policy.ts';
import { containerIdentity } from './container-plan.ts';
import { OPEN_WARNING } from './open-net.ts';
import type { Publishing } from './publishing.ts';
import { endProcesses } from './repair.ts';
import type { CageSession } from './session.ts';
import type { RunningState } from './state.ts';
import { noteCageState, writeCageState } from './store.ts';

/** Starts one that does not run. The caller holds its lock, has repaired it and has made its directories. */
export async function startOpen(
  session: CageSession,
  publishing: Publishing | undefined,
  stopWhenIdle: boolean,
): Promise<RunningState> {
  const { context, spec } = session;
  context.progress(`${spec.name}: ${OPEN_WARNING}`);
  const container = containerIdentity(session);
  const cgroups: string[] = [];
  let holder: ProcessIdentity | undefined;
  context.step('start: begin');
  writeCageState(context, spec.name, { phase: 'starting', container, cgroups });
  context.step('start: announced');
  try {
    // Whose published ports are handed on by a process that is confined as an egress is.
    const { router, ...running } = await session.backend.start(await composePlan(session, container), {
      listener: () => Promise.reject(new Error('an open cage has no listeners')),
      certificate: () => Promise.reject(new Error('an open cage has no authority')),
      holderKnown(identity) {
        holder = identity;
        writeCageState(context, spec.name, { phase: 'starting', holder, container, cgroups });
        context.step('start: holder known');
      },
    });
    context.step('start: cage exists');
    if (router === undefined) throw new Error('the cage is there without its router');
    const served = { egress: router, ...expectedGeneration(spec) };
    const forwarders = await publishing?.forward(running);
    const state: RunningState = { phase: 'running', ...served, ...running, forwarders, stopWhenIdle };
    await confirmNetwork(spec, state);
    writeCageState(context, spec.name, state);
    context.step('start: written');
    await publishing?.letGo();
    return state;
  } catch (error) {
    await endProcesses(context, { phase: 'stopping', ...(holder && { holder }), container, cgroups });
    noteCageState(context, spec.name, { phase: 'stopped' });
    throw error;
  }
}

/** The caller holds the lock, and the cage is `degraded`. Where it fails the cage stays as it is, without a network. */
export async function replaceRouter(session: CageSession, before: RunningState): Promise<RunningState> {
  const { context, spec, backend } = session;
  const plan = await composePlan(session, containerIdentity(session));
  const state: RunningState = { ...before, egress: await backend.replaceRouter(plan, before) };
  writeCageState(context, spec.name, state);
  return state;
}
