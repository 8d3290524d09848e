// What a new cage that is a container stands on: an engine that answers, and an image that this engine has.
import type { AgentLock } from '../agents/agent-lock.ts';
import type { ContainerRuntime, EngineKind } from '../backends/backend.ts';
import { requireEngine } from '../backends/container/detect.ts';
import type { Engine } from '../backends/container/engine.ts';
import { findImage } from '../backends/container/image-facts.ts';
import type { ImageFacts } from '../backends/container/image-labels.ts';
import { renewImage, requireImage } from '../backends/container/images.ts';
import { requireNative } from '../backends/native/probe.ts';
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { hasAgentImage } from './image-agents.ts';
import type { ImageChoice } from './options.ts';
import type { CageSpec } from './spec.ts';

/** Which image a cage has, and what is known of it. */
export type ImagePlace = Pick<CageSpec, 'image' | 'imageId' | 'imagePath' | 'built' | 'dockerfile' | 'imageAgent'>;

export type ContainerPlace = ImagePlace & Pick<CageSpec, 'engine'>;

interface ContainerRequest {
  image: ImageChoice;
  /** For whom the cage is; where we choose the image, it brings the agent. */
  agent: string | undefined;
  /** OCI runtime, by its engine's name of it. */
  runtime: string | undefined;
  sudo: boolean;
  isOpen: boolean;
}

/** Throws as lookForContainer and what that resolves with do. */
export async function prepareContainer(
  context: Context,
  backend: EngineKind,
  request: ContainerRequest,
): Promise<ContainerPlace> {
  return (await lookForContainer(context, backend, request))();
}

/**
 * Takes a moment; what it resolves with can take minutes, and builds or fetches what is not there. Throws what this machine lacks of an
 * engine and of what a native egress needs, and what keeps a cage from the runtime that was asked for; the other throws as buildImages does.
 */
export async function lookForContainer(
  context: Context,
  backend: EngineKind,
  { image: choice, agent, runtime: wanted, sudo, isOpen }: ContainerRequest,
): Promise<() => Promise<ContainerPlace>> {
  const engine = await requireEngine([backend], context.environment, { answers: context.dataRoot });
  // Looked at while the machine is.
  const seen = 'reference' in choice ? findImage(engine, choice.reference) : undefined;
  seen?.catch(() => undefined);
  await requireNative(context.environment);
  // Loaded here what only few cages want.
  const { runtime, selectors } = await chooseRuntime(engine, wanted);
  if (sudo) refuseSudo(engine, runtime);
  if (isOpen) (await import('../backends/container/router.ts')).refuseOpen({ gated: engine.gated, runtime });
  return async () => {
    const place = await takeImage(context, engine, choice, { agent, ...(seen && { seen }) });
    const { rootless, gated, limits } = engine;
    if (runtime !== undefined || sudo) {
      const { tryContainer } = await import('./try-container.ts');
      await tryContainer(context, { ...engine, selectors }, { image: place.imageId ?? place.image, runtime, sudo });
    }
    if (sudo) context.progress('--sudo: programs inside may become root of the container, by the image’s sudo');
    return {
      ...place,
      engine: { selectors, rootless, gated, limits, ...(runtime === undefined ? {} : { runtime }) },
    };
  };
}

async function chooseRuntime(
  engine: Engine,
  wanted: string | undefined,
): Promise<{ runtime: ContainerRuntime | undefined; selectors: readonly string[] }> {
  if (wanted === undefined) return { runtime: undefined, selectors: engine.selectors };
  const { requireRuntime, runtimeSelectors } = await import('../backends/container/runtime.ts');
  const runtime = await requireRuntime(engine, wanted);
  return { runtime, selectors: [...engine.selectors, ...runtimeSelectors(engine, runtime)] };
}

export interface TakeOptions {
  /** For whom the cage is. */
  agent: string | undefined;
  /** Ask registries for newer images. */
  pull?: boolean;
  agentLock?: AgentLock;
  /** What was found of the image that is named: undefined when it is not there. */
  seen?: Promise<ImageFacts | undefined>;
}

/** The image of a choice as it is now, built or pulled where it is not there. Throws as buildImages does. */
export async function takeImage(
  context: Context,
  engine: Engine,
  choice: ImageChoice,
  options: TakeOptions,
): Promise<ImagePlace & { image: string }> {
  const { image, facts } = await chooseImage(context, engine, choice, options);
  const { id, agent: imageAgent, searchPath } = facts;
  return {
    image,
    ...('reference' in choice
      ? { imageId: id }
      : { built: { packages: choice.packages, toolchains: choice.toolchains } }),
    ...(searchPath === '' ? {} : { imagePath: searchPath }),
    ...('dockerfile' in choice ? { dockerfile: choice.dockerfile } : {}),
    ...(imageAgent === undefined ? {} : { imageAgent }),
  };
}

/** Root inside must be nobody on this machine: what it leaves in the cage's directories would be root's here. */
function refuseSudo({ kind, rootless }: Engine, runtime: ContainerRuntime | undefined): void {
  const because =
    kind === 'docker'
      ? 'Docker gives a single container no users of its own: root inside would be root of this machine’s files'
      : rootless
        ? 'what root inside leaves belongs to a subordinate user, and you could neither read it nor take it away'
        : runtime?.kind === 'gvisor'
          ? 'gVisor does not honour set-uid programs, of which sudo is one'
          : undefined;
  if (because === undefined) return;
  throw new IronError('E_PROTECTION', {
    message: '--sudo is not to be had here',
    because,
    hint: 'use --backend podman as root, or have what is needed in the image: --packages A,B or --dockerfile FILE',
  });
}

async function chooseImage(
  context: Context,
  engine: Engine,
  choice: ImageChoice,
  { agent, pull = false, agentLock, seen }: TakeOptions,
): Promise<{ image: string; facts: ImageFacts }> {
  const progress = (line: string): void => context.progress(line);
  if ('reference' in choice) {
    return { image: choice.reference, facts: await renewImage(engine, choice.reference, pull, progress, seen) };
  }
  // Upon a Dockerfile of the user's stands nothing of ours.
  const agents = !('dockerfile' in choice) && agent !== undefined && hasAgentImage(agent) ? [agent] : [];
  const { buildTopImage } = await import('./images.ts');
  const image = await buildTopImage(context, engine, { ...choice, agents, pull, ...(agentLock && { agentLock }) });
  return { image, facts: await requireImage(engine, image, progress) };
}
