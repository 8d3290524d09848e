// The published ports of a cage, and their change: in its spec, and live where it runs.
import type { Context } from './context.ts';
import { refuseEgressPorts } from './egress-ports.ts';
import { isSamePort, type PublishedPort } from './published-port.ts';
import { liveForwarders } from './published.ts';
import { repairCage } from './repair.ts';
import { openSession } from './session.ts';
import type { CageSpec } from './spec.ts';
import type { CageState } from './state.ts';
import { readCageState, readSpec, withCageLock, writeSpec } from './store.ts';
import { mergePorts, parsePorts, withoutPorts } from './wanted-ports.ts';

export interface PortView extends PublishedPort {
  /** Whether it is heard on now. */
  open: boolean;
}

export interface PortsView {
  cage: string;
  running: boolean;
  ports: readonly PortView[];
}

export function viewPorts({ ports = [] }: Pick<CageSpec, 'ports'>, state: CageState | undefined): PortView[] {
  const live = liveForwarders(state);
  return ports.map((port) => ({ ...port, open: live.some((forwarder) => isSamePort(forwarder, port)) }));
}

export async function showPorts(context: Context, name: string): Promise<PortsView> {
  const spec = await readSpec(context, name);
  const state = readCageState(context, name);
  return { cage: name, running: state.phase === 'running', ports: viewPorts(spec, state) };
}

/** Throws E_USAGE, E_PORT or E_BACKEND; then none of them is published. */
export function publishPorts(context: Context, name: string, texts: readonly string[]): Promise<PortsView> {
  const wanted = parsePorts(texts);
  return changePorts(context, name, (before) => mergePorts(context, before, wanted));
}

/** Each by its port of this machine. Connections over it are cut, those over others go on. Throws E_USAGE. */
export function unpublishPorts(context: Context, name: string, texts: readonly string[]): Promise<PortsView> {
  return changePorts(context, name, (before) => Promise.resolve(withoutPorts(name, before, texts)));
}

async function changePorts(
  context: Context,
  name: string,
  change: (before: readonly PublishedPort[]) => Promise<readonly PublishedPort[]>,
): Promise<PortsView> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const spec = await readSpec(context, name);
    await publishLocked(context, spec, await change(spec.ports ?? []));
    return showPorts(context, name);
  });
}

/** The spec with these ports, which a cage that runs then forwards. The caller holds the lock and has repaired the cage. */
export async function publishLocked(
  context: Context,
  before: CageSpec,
  ports: readonly PublishedPort[],
): Promise<CageSpec> {
  const spec: CageSpec = { ...before, ports };
  refuseEgressPorts(spec, ports);
  const state = readCageState(context, spec.name);
  if (state.phase === 'running') {
    const { forwardPorts } = await import('./publishing.ts');
    await forwardPorts(await openSession(context, spec.name), state, ports, () => writeSpec(context, spec));
  } else writeSpec(context, spec);
  return spec;
}
