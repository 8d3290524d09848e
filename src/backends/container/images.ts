// The image of a cage: there, or fetched once, in sight of the user. Nothing of ours need be inside it.
import { IronError } from '../../platform/errors.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';

const PULL_TIMEOUT_MS = 1_800_000;

/** Throws E_BACKEND when it is neither there nor to be had. */
export async function requireImage(engine: Engine, image: string, progress: (line: string) => void): Promise<void> {
  const found = await callEngine(engine, ['image', 'inspect', '--format', '{{.Id}}', image]);
  if (found.exitCode === 0) return;
  if (!/no such image|image not known|no such object|failed to find image/i.test(found.stderr)) {
    throw engineFailure(engine, `look for the image ${image}`, found);
  }
  progress(`pulling ${image}`);
  const pulled = await callEngine(engine, ['pull', '--quiet', image], { timeoutMs: PULL_TIMEOUT_MS });
  if (pulled.exitCode === 0) return;
  const { because } = engineFailure(engine, 'pull it', pulled);
  throw new IronError('E_BACKEND', {
    message: `the image ${image} is not there and cannot be pulled`,
    ...(because === undefined ? {} : { because }),
    hint: 'build it or check its name and your login at its registry',
  });
}
