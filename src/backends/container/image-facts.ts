// Asks an engine for an image.
import { IronError } from '../../platform/errors.ts';
import type { RunResult } from '../../platform/processes.ts';
import { askDocker } from './docker-socket.ts';
import { callEngine, engineFailure, type Engine } from './engine.ts';
import type { ImageFacts } from './image-labels.ts';

/** Undefined when the engine has no such image. */
export async function findImage(engine: Engine, image: string): Promise<ImageFacts | undefined> {
  // Loaded while the engine looks.
  const [found, { readImageFacts }] = await Promise.all([askForImage(engine, image), import('./image-answer.ts')]);
  if (found.exitCode !== 0) {
    if (/no such image|image not known|no such object|failed to find image/i.test(found.stderr)) return undefined;
    throw engineFailure(engine, `look for the image ${image}`, found);
  }
  const facts = readImageFacts(found.stdout.toString('utf8'));
  if (facts !== undefined) return facts;
  throw new IronError('E_BACKEND', {
    message: `${engine.kind} gives no id and platform for the image ${image}`,
    hint: `see what \`${engine.kind} image inspect\` says of it`,
  });
}

async function askForImage(engine: Engine, image: string): Promise<RunResult> {
  const atSocket = await askDocker(engine, 'GET', `/images/${image}/json`);
  return atSocket ?? callEngine(engine, ['image', 'inspect', image]);
}
