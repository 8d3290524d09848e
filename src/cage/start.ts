// Starting a cage: the egress and the cage come up side by side, and nothing of the agent's runs in the cage before its egress has
// confirmed the policy. Stopping it is the way back.
import { chownSync } from 'node:fs';
import { emptyDirectory, makeDirectory } from '../platform/files.ts';
import { afterThis } from '../platform/settled.ts';
import { readSockets } from '../backends/host/cage-network.ts';
import type { ProcessIdentity } from '../platform/processes.ts';
import { bringCommits, refreshCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { composePlan } from './compose-plan.ts';
import { confirmNetwork } from './confirm-network.ts';
import { containerIdentity } from './container-plan.ts';
import { askEgressToEnd } from './end-egress.ts';
import { launchEgress, type LaunchedEgress } from './launch-egress.ts';
import { endProcesses, repairCage, stateHealth } from './repair.ts';
import type { Publishing } from './publishing.ts';
import type { CageSession } from './session.ts';
import { requireHomeProfile } from './shared-places.ts';
import { noteCageState, readCageState, writeCageState } from './store.ts';
import type { RunningState } from './state.ts';

/** Stops a cage that runs, or what is left of one. The caller holds its lock. */
export async function stopLocked(context: Context, name: string): Promise<void> {
  const state = readCageState(context, name);
  if (state.phase === 'running' && stateHealth(state) !== 'broken') {
    const { egress, holder, init, container, cgroups, forwarders } = state;
    context.step('stop: begin');
    noteCageState(context, name, { phase: 'stopping', egress, holder, init, container, cgroups, forwarders });
    context.step('stop: announced');
    await endProcesses(context, state, STOP_GRACE_MS, () => askEgressToEnd(context, name, egress));
    context.step('stop: ended');
    noteCageState(context, name, { phase: 'stopped' });
    context.step('stop: written');
    await bringCommits(context, name);
  } else await repairCage(context, name);
}

/** Time for the cage's programs to end by themselves. */
const STOP_GRACE_MS = 2_000;

/** Starts a cage that does not run. The caller holds its lock and has repaired it. */
export async function startLocked(
  session: CageSession,
  stopWhenIdle: boolean,
  begun?: LaunchedEgress,
): Promise<RunningState> {
  const publishing = await openPublished(session);
  try {
    return await startAll(session, publishing, { stopWhenIdle, begun });
  } catch (error) {
    await publishing?.drop();
    throw error;
  }
}

/**
 * The egress of a cage that is still being made, for startLocked: it takes longer to come up than most cages take to be made. Whoever
 * does not hand it on ends it. Undefined where there will be none.
 */
export function beginEgress(session: CageSession): LaunchedEgress | undefined {
  if (session.spec.net === 'open') return undefined;
  prepareDirectories(session);
  return launchEgress(session);
}

/** Before anything is started: a port that is wanted and cannot be had fails the start. */
async function openPublished(session: CageSession): Promise<Publishing | undefined> {
  const { ports = [] } = session.spec;
  if (ports.length === 0) return undefined;
  const { openPublishing } = await import('./publishing.ts');
  return openPublishing(session, ports);
}

async function startAll(
  session: CageSession,
  publishing: Publishing | undefined,
  { stopWhenIdle, begun: ahead }: { stopWhenIdle: boolean; begun: LaunchedEgress | undefined },
): Promise<RunningState> {
  const { context, spec } = session;
  if (ahead === undefined) prepareDirectories(session);
  await refreshCommits(context, spec);
  if (spec.net === 'open') {
    const { startOpen } = await import('./start-open.ts');
    return startOpen(session, publishing, stopWhenIdle);
  }
  const cgroups: string[] = [];
  const container = containerIdentity(session);
  let egress: LaunchedEgress | undefined;
  let serving: ReturnType<LaunchedEgress['serve']> | undefined;
  let holder: ProcessIdentity | undefined;
  const noteStarting = (): void =>
    writeCageState(context, spec.name, {
      ...{ phase: 'starting', container, cgroups },
      ...(egress && { egress: egress.identity }),
      ...(holder && { holder }),
    });
  context.step('start: begin');
  noteStarting();
  context.step('start: announced');
  const launch = (): LaunchedEgress => {
    egress = ahead ?? launchEgress(session);
    noteStarting();
    context.step('start: egress known');
    return egress;
  };
  let launched: Promise<LaunchedEgress> | undefined;
  try {
    // A keeper is up before the egress is, the container of an engine long after it: what takes longer is begun first.
    if (container === undefined) launched = Promise.resolve(launch());
    const plan = await composePlan(session, container);
    const starting = (launched ??= afterThis().then(launch));
    const configured = starting.then((begun) => begun.configure());
    // A failure is seen where the first listener waits for this.
    configured.catch(() => undefined);
    let handedOver = 0;
    let sockets: ReturnType<typeof readSockets> | undefined;
    const running = await session.backend.start(plan, {
      async listener(request, handle) {
        try {
          await configured;
        } catch (error) {
          // An open copy would keep this process from ending.
          handle.close();
          throw error;
        }
        const begun = await starting;
        // The first process of a container is known by now, and the kernel takes its time to tell of sockets.
        if (container !== undefined && holder !== undefined) sockets ??= readSockets(holder);
        await begun.listener(request, handle);
        // Of a gate it gets others, and is told to serve when that is up.
        if (request.isGate !== true) handedOver += 1;
        if (handedOver < plan.listeners.length) return;
        // It has its policy and its listeners: what the cage sends meanwhile waits in their queues.
        serving = begun.serve();
        serving.catch(() => undefined);
      },
      certificate: () => configured,
      holderKnown(identityOfHolder, groups) {
        holder = identityOfHolder;
        cgroups.push(...groups);
        noteStarting();
        context.step('start: holder known');
      },
    });
    context.step('start: cage exists');
    sockets ??= readSockets(running.init);
    const served = await (serving ?? (await starting).serve());
    await confirmNetwork(spec, { ...running, ...served }, sockets);
    const forwarders = await publishing?.forward(running);
    const state: RunningState = { phase: 'running', ...served, ...running, forwarders, stopWhenIdle };
    writeCageState(context, spec.name, state);
    context.step('start: written');
    await publishing?.letGo();
    (await starting).detach();
    return state;
  } catch (error) {
    await launched?.catch(() => undefined);
    await endProcesses(context, {
      phase: 'stopping',
      ...(egress && { egress: egress.identity }),
      ...(holder && { holder }),
      container,
      cgroups,
    });
    // Afterwards: without its wrapper what serves would not be found.
    egress?.kill();
    noteCageState(context, spec.name, { phase: 'stopped' });
    throw error;
  }
}

function prepareDirectories({ context, spec, paths, identity, callerIsRoot }: CageSession): void {
  if (spec.profile !== undefined) requireHomeProfile(context, spec.profile);
  for (const directory of [
    paths.run,
    ...(spec.profile === undefined ? [paths.home] : []),
    paths.tmp,
    paths.bus,
    paths.egress.ca,
    paths.egress.audit,
    paths.egress.control,
  ]) {
    makeDirectory(directory);
  }
  for (const directory of [paths.run, paths.tmp, paths.egress.control]) emptyDirectory(directory, paths.root);
  if (!callerIsRoot) return;
  for (const directory of Object.values(paths.egress)) chownSync(directory, identity.egressUid, identity.egressUid);
}
