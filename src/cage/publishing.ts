// Puts published ports in force over a cage that runs, and takes them back: each has a process of its own, so that no change of one
// touches the connections of another. Nothing here is left behind by a failure.
import { startForwarder, type StartedForwarder } from '../backends/host/port-forwarder.ts';
import { endConfined } from '../backends/host/confined-process.ts';
import type { RunningCage } from '../backends/backend.ts';
import { errorMessage } from '../platform/errors.ts';
import { closeHostListeners, openHostListeners } from './host-listeners.ts';
import { formatPort, isSamePort, type PublishedPort } from './published-port.ts';
import { liveForwarders, missingPorts } from './published.ts';
import { refuseEgressPorts } from './egress-ports.ts';
import type { CageSession } from './session.ts';
import type { Forwarder, RunningState } from './state.ts';
import { writeCageState } from './store.ts';

export interface Publishing {
  /** Starts a forwarder for each; they end with this process until they are let go. Throws E_BACKEND. */
  forward(cage: RunningCage): Promise<readonly Forwarder[]>;
  letGo(): Promise<void>;
  /** Ends and closes all of it. */
  drop(): Promise<void>;
}

/** Takes the ports of this machine at once, before there need be a cage. Throws E_PORT, and then has none. */
export async function openPublishing(session: CageSession, ports: readonly PublishedPort[]): Promise<Publishing> {
  const { context, identity, callerIsRoot, paths, backend, tools, path } = session;
  refuseEgressPorts(session.spec, ports);
  const listeners = await openHostListeners(context, ports);
  const started: StartedForwarder[] = [];
  return {
    async forward(cage) {
      if (listeners.length === 0) return [];
      const network = await backend.joinNetwork(callerIsRoot, cage);
      const launch = { identity, callerIsRoot, network, runDirectory: paths.run };
      const forwarders = await Promise.allSettled(
        listeners.map(async ({ port, server }): Promise<Forwarder> => {
          const forwarder = await startForwarder({ ...launch, cagePort: port.cagePort }, server, tools, path);
          started.push(forwarder);
          return { ...port, process: forwarder.process };
        }),
      );
      return forwarders.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      });
    },
    async letGo() {
      await Promise.all(started.map((forwarder) => forwarder.letGo()));
    },
    async drop() {
      for (const { process } of started) await endConfined(process);
      closeHostListeners(listeners);
    },
  };
}

/**
 * Has a cage that runs forward exactly these ports; `commit` is called when they are, and before it is certain that they stay.
 * The caller holds the cage's lock. Throws E_PORT or E_BACKEND, and then has added none.
 */
export async function forwardPorts(
  session: CageSession,
  state: RunningState,
  ports: readonly PublishedPort[],
  commit: () => void = () => undefined,
): Promise<RunningState> {
  const { context, spec } = session;
  const kept = liveForwarders(state).filter((forwarder) => ports.some((port) => isSamePort(port, forwarder)));
  for (const forwarder of state.forwarders ?? []) if (!kept.includes(forwarder)) await endConfined(forwarder.process);
  context.step('ports: old ones ended');
  const missing = ports.filter((port) => !kept.some((forwarder) => isSamePort(forwarder, port)));
  const publishing = await openPublishing(session, missing);
  try {
    const started = await publishing.forward(state);
    context.step('ports: forwarding');
    commit();
    context.step('ports: committed');
    const after: RunningState = { ...state, forwarders: [...kept, ...started] };
    writeCageState(context, spec.name, after);
    context.step('ports: written');
    await publishing.letGo();
    return after;
  } catch (error) {
    await publishing.drop();
    throw error;
  }
}

/** Puts right what a crash left; what cannot be is told, since the cage and the work in it need no port. The caller holds the lock. */
export async function mendPublishing(session: CageSession, before: RunningState): Promise<RunningState> {
  const { context, spec } = session;
  const missing = missingPorts(spec, before);
  const kept = (spec.ports ?? []).filter((port) => !missing.includes(port));
  let state = await forwardPorts(session, before, kept);
  for (const port of missing) {
    const name = `${formatPort(port)} of ${spec.name}`;
    try {
      state = await forwardPorts(session, state, [...liveForwarders(state), port]);
      context.progress(`${name} was forwarded no more: it is again`);
    } catch (error) {
      context.progress(
        `${name} is not published: ${errorMessage(error)} (ironcage ports ${spec.name} rm ${port.port})`,
      );
    }
  }
  return state;
}
