// The images of containers, from the recipes in the package's directory `images`: base, then what a project needs, then
// an agent. Each is built when its engine does not have it, and only then.
import { join } from 'node:path';
import { inLockedVersion, type AgentLock } from '../agents/agent-lock.ts';
import { ENGINE_KINDS, type EngineKind } from '../backends/backend.ts';
import { requireEngine } from '../backends/container/detect.ts';
import type { Engine } from '../backends/container/engine.ts';
import {
  ensureImage,
  type BuildOptions,
  type BuiltImage,
  type ImageRecipe,
  type ImageTier,
} from '../backends/container/image-build.ts';
import { renewImage } from '../backends/container/images.ts';
import { IronError } from '../platform/errors.ts';
import { emptyDirectory, makeDirectory } from '../platform/files.ts';
import { withLock } from '../platform/locks.ts';
import { PACKAGE_ROOT } from '../platform/package-root.ts';
import { ensureBase } from './base-image.ts';
import { agentLock } from './agent-programs.ts';
import type { Context } from './context.ts';
import { buildCustom, readCustom } from './custom-image.ts';
import { agentProgram, type ImageAgent } from './image-agents.ts';
import {
  addPrograms,
  basePrograms,
  linksOf,
  NODE_VERSIONS,
  nodePrograms,
  pinsOf,
  type PinnedProgram,
} from './image-programs.ts';
import { checkImageRequest, type ImageRequest, type ImageWishes, type Toolchain } from './image-request.ts';

export interface BuiltImages {
  engine: EngineKind;
  /** In the order in which they stand upon one another. */
  images: readonly BuiltImage[];
}

const RECIPES = join(PACKAGE_ROOT, 'images');
const LOCK_TIMEOUT_MS = 2 * 60 * 60_000;
/** For agents that need a Node, where none was asked for. */
const AGENT_NODE: Toolchain = { name: 'node', version: '22' };

/** Throws E_USAGE, E_NO_AGENT, E_BACKEND, E_AGENT_INSTALL, E_DISK_FULL. What was built before that stays. */
export async function buildImages(context: Context, request: ImageRequest): Promise<BuiltImages> {
  const wishes = checkImageRequest(request, context.environment);
  const kinds = request.engine === undefined ? ENGINE_KINDS : [request.engine];
  const engine = await requireEngine(kinds, context.environment, { hint: NO_ENGINE_HINT });
  return { engine: engine.kind, images: await buildWishes(context, engine, request, wishes) };
}

const NO_ENGINE_HINT = 'images are for containers: start an engine; cages of the native backend need no image';

/** The image on top of what is asked for, in an engine that has been found already. Throws as buildImages does. */
export async function buildTopImage(context: Context, engine: Engine, request: ImageRequest): Promise<string> {
  const wishes = checkImageRequest(request, context.environment);
  const top = (await buildWishes(context, engine, request, wishes)).at(-1);
  if (top === undefined) throw new Error('a build made no image');
  return top.image;
}

async function buildWishes(
  context: Context,
  engine: Engine,
  request: ImageRequest,
  wishes: ImageWishes,
): Promise<BuiltImage[]> {
  const directory = join(context.dataRoot, 'images');
  const scratch = join(directory, 'scratch');
  makeDirectory(scratch);
  return withLock(join(directory, '.lock'), { what: 'a build of images', timeoutMs: LOCK_TIMEOUT_MS }, async () => {
    // What a build left that was killed.
    emptyDirectory(scratch, directory);
    const progress = (line: string): void => context.progress(line);
    const custom = request.dockerfile === undefined ? undefined : readCustom(request.dockerfile, wishes);
    const pull = request.pull === true;
    const customSite = { engine, scratch, buildArguments: wishes.proxies, pull, progress };
    if (custom?.usesParent === false) return [await buildCustom(customSite, custom, undefined)];
    const { platform } = await renewImage(engine, wishes.base, pull, progress);
    const lock = request.agentLock ?? (await agentLock(context));
    const tiers = await buildTiers({ context, engine, wishes, scratch, lock, platform });
    return custom === undefined ? tiers : [...tiers, await buildCustom(customSite, custom, tiers.at(-1)?.image)];
  });
}

interface Site {
  context: Context;
  engine: Engine;
  wishes: ImageWishes;
  scratch: string;
  lock: AgentLock;
  platform: string;
}

async function buildTiers(site: Site): Promise<BuiltImage[]> {
  const { wishes, engine, context, platform } = site;
  const images = new Map<string, BuiltImage>();
  const ensure = async (recipe: ImageRecipe): Promise<string> => {
    const key = JSON.stringify([recipe.name, recipe.parent, recipe.arguments, recipe.pins]);
    const options: BuildOptions = {
      force: wishes.forced.has(recipe.tier),
      scratch: site.scratch,
      progress: (line) => context.progress(line),
    };
    const make = recipe.tier === 'base' ? ensureBase : ensureImage;
    const built = images.get(key) ?? (await make(engine, recipe, options));
    images.set(key, built);
    return built.image;
  };
  const base = await ensure(recipeOf(site, 'base', 'base', wishes.base, basePrograms(platform)));
  const withTools = async (toolchains: readonly Toolchain[]): Promise<string> =>
    toolchains.length + wishes.packages.length === 0 ? base : ensure(toolchainRecipe(site, base, toolchains));
  if (wishes.tiers.has('toolchain')) await withTools(wishes.toolchains);
  if (!wishes.tiers.has('agent')) return [...images.values()];
  for (const agent of wishes.agents) {
    const parent = await withTools(toolchainsFor(agent, wishes.toolchains));
    const program = agentProgram(inLockedVersion(agent, site.lock), platform);
    const recipe = recipeOf(site, 'agent', `agent-${agent.name}-${program.version}`, parent, [program]);
    await ensure({ ...recipe, agent: agent.name });
  }
  return [...images.values()];
}

function toolchainsFor(agent: ImageAgent, toolchains: readonly Toolchain[]): readonly Toolchain[] {
  const hasNode = toolchains.some(({ name }) => name === 'node');
  return agent.needsNode === true && !hasNode ? [...toolchains, AGENT_NODE] : toolchains;
}

function toolchainRecipe(site: Site, parent: string, toolchains: readonly Toolchain[]): ImageRecipe {
  const programs = toolchains.flatMap(({ name, version }) => {
    if (name !== 'node') return [];
    const found = nodePrograms(version, site.platform);
    if (found !== undefined) return found;
    throw new IronError('E_BACKEND', {
      message: `node ${version} is not to be had for an image of ${site.platform}`,
      because: `pinned are ${NODE_VERSIONS.join(', ')}`,
      hint: `name one of these, or its first number: --toolchain node=${NODE_VERSIONS[0]?.split('.')[0] ?? ''}`,
    });
  });
  const recipe = recipeOf(site, 'toolchain', 'toolchain', parent, programs);
  const others = toolchains.filter(({ name }) => name !== 'node').map(({ name, version }) => `${name}=${version}`);
  return {
    ...recipe,
    arguments: { ...recipe.arguments, PACKAGES: site.wishes.packages.join(' '), TOOLCHAINS: others.join(' ') },
  };
}

function recipeOf(
  { context, wishes }: Site,
  tier: ImageTier,
  name: string,
  parent: string,
  programs: readonly PinnedProgram[],
): ImageRecipe {
  return {
    tier,
    name,
    directory: join(RECIPES, tier),
    parent,
    arguments: { LINKS: linksOf(programs) },
    userArguments: tier === 'base' ? wishes.buildArguments : wishes.proxies,
    pins: pinsOf(programs),
    addPrograms: (directory) => addPrograms(context, programs, directory),
  };
}
