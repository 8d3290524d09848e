// What a new cage that is a container stands on: an engine that answers, and an image that this engine has.
import type { EngineKind } from '../backends/backend.ts';
import { requireEngine } from '../backends/container/detect.ts';
import type { Engine } from '../backends/container/engine.ts';
import { findImage } from '../backends/container/image-facts.ts';
import { requireImage } from '../backends/container/images.ts';
import { requireRuntime, runtimeSelectors } from '../backends/container/runtime.ts';
import type { Context } from './context.ts';
import { hasAgentImage } from './image-agents.ts';
import { buildTopImage } from './images.ts';
import { tryContainer } from './try-container.ts';
import type { ImageChoice } from './options.ts';
import type { CageSpec } from './spec.ts';

export type ContainerPlace = Pick<CageSpec, 'image' | 'imagePath' | 'engine' | 'dockerfile' | 'imageAgent'>;

interface ContainerRequest {
  image: ImageChoice;
  /** For whom the cage is; where we choose the image, it brings the agent. */
  agent: string | undefined;
  /** OCI runtime, by its engine's name of it. */
  runtime: string | undefined;
}

/** Throws as buildImages does, and what keeps a cage from the runtime that was asked for. */
export async function prepareContainer(
  context: Context,
  backend: EngineKind,
  { image: choice, agent, runtime: wanted }: ContainerRequest,
): Promise<ContainerPlace> {
  const engine = await requireEngine([backend], context.environment);
  const runtime = wanted === undefined ? undefined : await requireRuntime(engine, wanted);
  const image = await chooseImage(context, engine, choice, agent);
  const { agent: imageAgent, searchPath = '' } = (await findImage(engine, image)) ?? {};
  const { rootless, limits } = engine;
  const selectors = [...engine.selectors, ...(runtime === undefined ? [] : runtimeSelectors(engine, runtime))];
  if (runtime !== undefined) await tryContainer(context, { ...engine, selectors }, { image, runtime });
  return {
    image,
    ...(searchPath === '' ? {} : { imagePath: searchPath }),
    engine: { selectors, rootless, limits, ...(runtime === undefined ? {} : { runtime }) },
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
