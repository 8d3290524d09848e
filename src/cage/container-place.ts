// What a new cage that is a container stands on: an engine that answers, and an image that this engine has.
import type { EngineKind } from '../backends/backend.ts';
import { requireEngine } from '../backends/container/detect.ts';
import type { Engine } from '../backends/container/engine.ts';
import { findImage } from '../backends/container/image-facts.ts';
import { requireImage } from '../backends/container/images.ts';
import type { Context } from './context.ts';
import { hasAgentImage } from './image-agents.ts';
import { buildTopImage } from './images.ts';
import type { ImageChoice } from './options.ts';
import type { CageSpec } from './spec.ts';

export type ContainerPlace = Pick<CageSpec, 'image' | 'imagePath' | 'engine' | 'dockerfile' | 'imageAgent'>;

/** `agent`: for whom the cage is; where we choose the image, it brings the agent. Throws as buildImages does. */
export async function prepareContainer(
  context: Context,
  backend: EngineKind,
  choice: ImageChoice,
  agent: string | undefined,
): Promise<ContainerPlace> {
  const engine = await requireEngine([backend], context.environment);
  const image = await chooseImage(context, engine, choice, agent);
  const { agent: imageAgent, searchPath = '' } = (await findImage(engine, image)) ?? {};
  const { selectors, rootless, limits } = engine;
  return {
    image,
    ...(searchPath === '' ? {} : { imagePath: searchPath }),
    engine: { selectors, rootless, limits },
    ...('dockerfile' in choice ? { dockerfile: choice.dockerfile } : {}),
    ...(imageAgent === undefined ? {} : { imageAgent }),
  };
}

async function chooseImage(
  context: Context,
  engine: Engine,
  choice: ImageChoice,
  agent: string | undefined,
): Promise<string> {
  if ('reference' in choice) {
    await requireImage(engine, choice.reference, (line) => context.progress(line));
    return choice.reference;
  }
  // Upon a Dockerfile of the user's stands nothing of ours.
  const agents = !('dockerfile' in choice) && agent !== undefined && hasAgentImage(agent) ? [agent] : [];
  return buildTopImage(context, engine, { ...choice, agents });
}
