// Which published ports of a cage are forwarded now, and which are not although they should be. Small: commands that have nothing
// to do with ports ask it as well.
import { isAlive } from '../platform/processes.ts';
import { isSamePort, type PublishedPort } from './published-port.ts';
import type { CageSpec } from './spec.ts';
import type { CageState, Forwarder } from './state.ts';

/** Those of a cage that runs, as far as they live. */
export function liveForwarders(state: CageState | undefined): readonly Forwarder[] {
  const forwarders = state?.phase === 'running' ? (state.forwarders ?? []) : [];
  return forwarders.filter(({ process }) => isAlive(process));
}

/** Published, and forwarded by nobody. */
export function missingPorts({ ports = [] }: Pick<CageSpec, 'ports'>, state: CageState): PublishedPort[] {
  const live = liveForwarders(state);
  return ports.filter((port) => !live.some((forwarder) => isSamePort(forwarder, port)));
}

/** Whether what forwards is not exactly what is published. */
export function needsMending(spec: Pick<CageSpec, 'ports'>, state: CageState): boolean {
  const known = state.phase === 'running' ? (state.forwarders?.length ?? 0) : 0;
  return missingPorts(spec, state).length > 0 || known > (spec.ports?.length ?? 0);
}
