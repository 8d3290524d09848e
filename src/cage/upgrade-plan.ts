// What a cage would get by an upgrade: a newer agent, a newer image. Resolved, and built or pulled, before anything of the cage is
// touched; with `dryRun` nothing is built, pulled or installed.
import { inLockedVersion, type AgentLock, type LockedAgent } from '../agents/agent-lock.ts';
import { locateAgent } from '../agents/locate.ts';
import { isLater, newestAgent } from '../agents/newest.ts';
import type { AgentInstall, AgentProgram } from '../agents/profile.ts';
import { engineOf } from '../backends/container/detect.ts';
import { agentProfile } from './agent-profiles.ts';
import { agentLock, findAgent, readAgentPrograms } from './agent-programs.ts';
import { containerIdentity } from './container-plan.ts';
import { takeImage, type ImagePlace } from './container-place.ts';
import type { Context } from './context.ts';
import { findImageAgent } from './image-agents.ts';
import type { ImageChoice } from './options.ts';
import type { CageSpec } from './spec.ts';

export interface UpgradeOptions {
  dryRun: boolean;
  /** Ask no registry: images as they are named here, agents as they are locked. */
  offline: boolean;
  /** Of an image of ironcage's own: from a fresh Debian. */
  pull: boolean;
  /** Exact version of the agent; default: the newest. */
  to: string | undefined;
}

export interface UpgradeStep {
  before: string;
  /** Undefined in a dry run, where only building or pulling would tell. */
  after: string | undefined;
}

export interface UpgradePlan {
  image?: UpgradeStep & { place: ImagePlace | undefined };
  agent?: UpgradeStep & { name: string; where: 'image' | 'installed' | 'host'; program?: AgentProgram };
  /** To be the user's lock when all went well. */
  locked?: { name: string; agent: LockedAgent };
}

/** Throws E_AGENT_INSTALL, E_BACKEND and what else a build may; the cage is as it was. */
export async function planUpgrade(context: Context, spec: CageSpec, options: UpgradeOptions): Promise<UpgradePlan> {
  const inImage =
    spec.imageAgent !== undefined && spec.built !== undefined ? findImageAgent(spec.imageAgent) : undefined;
  const mounted = await planMounted(context, spec, options);
  const inside = inImage && (await newerLock(context, inImage, options));
  const image = await planImage(context, spec, options, inside?.lock);
  const version = inside?.after;
  return {
    ...mounted,
    ...(inside?.locked && { locked: inside.locked }),
    ...(inImage && {
      agent: { name: inImage.name, where: 'image', before: versionOf(spec, inImage.name), after: version },
    }),
    ...(image && { image }),
  };
}

/** An agent that the cage sees from outside: this machine's own, or one that ironcage installed. */
async function planMounted(
  context: Context,
  spec: CageSpec,
  options: UpgradeOptions,
): Promise<Pick<UpgradePlan, 'agent' | 'locked'>> {
  if (spec.agent === undefined || spec.agent === spec.imageAgent) return {};
  const profile = await agentProfile(context, spec.agent);
  if (profile.install === undefined) return {};
  const before = readRemembered(context, spec)?.version ?? 'unknown';
  const own = locateAgent(profile, context.environment);
  if (own !== undefined) {
    const program = options.dryRun ? {} : { program: own };
    return { agent: { name: profile.name, where: 'host', before, after: own.version ?? 'unknown', ...program } };
  }
  const { lock, after, locked } = await newerLock(context, { ...profile, install: profile.install }, options);
  const program = options.dryRun ? {} : { program: await findAgent(context, inLockedVersion(profile, lock)) };
  return {
    agent: { name: profile.name, where: 'installed', before, after, ...program },
    ...(locked && { locked }),
  };
}

/** One that is gone from where it was is no reason to keep the cage without. */
function readRemembered(context: Context, spec: CageSpec): AgentProgram | undefined {
  try {
    return readAgentPrograms(context, spec)[0];
  } catch {
    return undefined;
  }
}

interface Newer {
  /** That counts for this upgrade. */
  lock: AgentLock;
  after: string;
  /** Undefined where it is locked so already. */
  locked?: { name: string; agent: LockedAgent };
}

async function newerLock(
  context: Context,
  agent: { name: string; title: string; install: AgentInstall },
  { offline, to }: UpgradeOptions,
): Promise<Newer> {
  const lock = await agentLock(context);
  const current = inLockedVersion(agent, lock).install.version;
  if (offline) return { lock, after: current };
  context.progress(`asking for the ${to === undefined ? 'newest' : `version ${to} of`} ${agent.title}`);
  const newest = await newestAgent(agent.title, agent.install, to ?? 'latest', context.environment);
  const isWanted = to === undefined ? isLater(newest.version, current) : newest.version !== current;
  if (!isWanted) return { lock, after: current };
  return {
    lock: { ...lock, [agent.name]: newest },
    after: newest.version,
    locked: { name: agent.name, agent: newest },
  };
}

async function planImage(
  context: Context,
  spec: CageSpec,
  { dryRun, offline, pull }: UpgradeOptions,
  lock: AgentLock | undefined,
): Promise<UpgradePlan['image']> {
  const container = containerIdentity({ spec, context });
  if (container === undefined || spec.image === undefined) return undefined;
  const before = imageText(spec);
  if (dryRun) return { before, after: undefined, place: undefined };
  const choice: ImageChoice =
    spec.built === undefined
      ? { reference: spec.image }
      : { ...spec.built, ...(spec.dockerfile === undefined ? {} : { dockerfile: spec.dockerfile }) };
  const isOurs = spec.built !== undefined && spec.dockerfile === undefined;
  const place = await takeImage(context, engineOf(container, context.environment), choice, {
    agent: spec.imageAgent,
    pull: !offline && (pull || !isOurs),
    ...(lock && { agentLock: lock }),
  });
  return { before, after: imageText(place), place };
}

const SHOWN_DIGITS = 12;

function imageText({ image = '', imageId }: ImagePlace): string {
  return imageId === undefined ? image : `${image} (${imageId.slice(0, SHOWN_DIGITS)})`;
}

/** As it stands in the tag. */
function versionOf({ image = '' }: CageSpec, agent: string): string {
  const start = `:agent-${agent}-`;
  const rest = image.slice(image.indexOf(start) + start.length);
  return image.includes(start) ? rest.slice(0, rest.lastIndexOf('-')) : 'unknown';
}
