// Holds a container still and lets it go on, by its engine: the kernel stops its control group, of which nobody inside sees anything.
import type { ContainerIdentity } from '../backend.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';

/** False where the engine cannot: rootless ones need control groups of their own for it. */
export async function pauseContainer({ name }: Pick<ContainerIdentity, 'name'>, engine: Engine): Promise<boolean> {
  const paused = await callEngine(engine, ['pause', name]);
  return paused.exitCode === 0;
}

/** One that is not paused, does not run or is not there is fine. Throws E_BACKEND. */
export async function resumeContainer({ name }: Pick<ContainerIdentity, 'name'>, engine: Engine): Promise<void> {
  const resumed = await callEngine(engine, ['unpause', name]);
  if (resumed.exitCode === 0 || NOTHING_TO_RESUME.test(resumed.stderr)) return;
  throw engineFailure(engine, 'let the container go on', resumed);
}

const NOTHING_TO_RESUME = /not paused|not running|no such container|no container with name or id|state improper/i;
