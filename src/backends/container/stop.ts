// Ends the container of a cage, and takes it away: asks its programs, then has the engine kill what is left.
import { isAlive, signalProcess, waitForExit, type ProcessIdentity } from '../../platform/processes.ts';
import type { ContainerIdentity, GvisorSandbox } from '../backend.ts';
import { cageProcesses, mustEnd } from '../host/cage-processes.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';
import { endInside, sandboxProcesses } from './gvisor.ts';

/** `graceMs` 0 kills at once. A container that is not there, or does not run, is fine. Throws E_BACKEND. Its router is taken away. */
export async function stopContainer(
  { name, gated, router }: ContainerIdentity,
  engine: Engine,
  { holder: init, sandbox }: { holder?: ProcessIdentity | undefined; sandbox?: GvisorSandbox | undefined },
  graceMs: number,
): Promise<void> {
  if (sandbox !== undefined && graceMs > 0) {
    await endInside(sandbox, (await sandboxProcesses(sandbox)) ?? [], graceMs);
  } else if (init !== undefined && graceMs > 0 && isAlive(init)) {
    const members = cageProcesses(init).filter(({ pid }) => pid !== init.pid);
    for (const member of members) signalProcess(member, 'SIGTERM');
    const end = performance.now() + graceMs;
    for (const member of members) await waitForExit(member, Math.max(0, end - performance.now()));
  }
  const killed = await callEngine(engine, ['kill', '--signal', 'KILL', name]);
  if (killed.exitCode !== 0 && !IS_NOT_RUNNING.test(killed.stderr))
    throw engineFailure(engine, 'stop the container', killed);
  if (init !== undefined) await mustEnd(init);
  if (gated) await removeOne(gateName(name), engine);
  if (router !== undefined) await removeContainer({ name: router }, engine);
}

const IS_NOT_RUNNING = /no such container|is not running|not running|container state improper|can only kill running/i;

const IS_BUSY = /device or resource busy/i;

/** Takes the container away with all that the engine keeps of it; one that is not there is fine. Throws E_BACKEND. */
export async function removeContainer(
  container: Pick<ContainerIdentity, 'name'> & { gated?: boolean },
  engine: Engine,
): Promise<void> {
  if (container.gated === true) await removeOne(gateName(container.name), engine);
  await removeOne(container.name, engine);
}

export function gateName(container: string): string {
  return `${container}-gate`;
}

async function removeOne(name: string, engine: Engine): Promise<void> {
  const remove = (): ReturnType<typeof callEngine> => callEngine(engine, ['rm', '--force', '--volumes', name]);
  const first = await remove();
  // Podman’s own monitor takes the mounts of a container down that has just ended, and may be at it.
  const removed = IS_BUSY.test(first.stderr) ? await remove() : first;
  if (
    removed.exitCode !== 0 &&
    !/no such container|removal of container .* is already in progress/i.test(removed.stderr)
  ) {
    throw engineFailure(engine, 'take the container away', removed);
  }
}
