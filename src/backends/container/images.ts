// The image of a cage: there, or fetched once, in sight of the user. Nothing of ours need be inside it.
import { IronError } from '../../platform/errors.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';
import { findImage } from './image-facts.ts';
import type { ImageFacts } from './image-labels.ts';

const PULL_TIMEOUT_MS = 1_800_000;

/** Throws E_BACKEND when it is neither there nor to be had. */
export async function requireImage(
  engine: Engine,
  image: string,
  progress: (line: string) => void,
  seen = findImage(engine, image),
): Promise<ImageFacts> {
  return (await seen) ?? pullImage(engine, image, progress);
}

/**
 * As its registry has it now, where `pull` says so and there is one; else as it is here. `seen`: what was found of it already. Throws
 * E_BACKEND.
 */
export function renewImage(
  engine: Engine,
  image: string,
  pull: boolean,
  progress: (line: string) => void,
  seen?: Promise<ImageFacts | undefined>,
): Promise<ImageFacts> {
  return pull && !isLocalName(image) ? pullImage(engine, image, progress) : requireImage(engine, image, progress, seen);
}

/** `localhost` without a port is no registry, for either engine: such an image was made here. */
function isLocalName(image: string): boolean {
  return image.startsWith('localhost/');
}

/** Fetches it anew, whatever is there; one that is there stays when that fails. Throws E_BACKEND. */
async function pullImage(engine: Engine, image: string, progress: (line: string) => void): Promise<ImageFacts> {
  progress(`pulling ${image}`);
  const pulled = await callEngine(engine, ['pull', '--quiet', image], { timeoutMs: PULL_TIMEOUT_MS });
  const facts = pulled.exitCode === 0 ? await findImage(engine, image) : undefined;
  if (facts !== undefined) return facts;
  const { because } = engineFailure(engine, 'pull it', pulled);
  throw new IronError('E_BACKEND', {
    message: `the image ${image} cannot be pulled`,
    ...(because === undefined ? {} : { because }),
    hint: 'check its name, the network and your login at its registry; or build it',
  });
}
