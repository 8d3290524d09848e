// Which version of an agent is installed, and by which bytes it is known. One lock ships with the package; what a user raised
// on purpose stands in one of their own, which has the same form. Nothing here asks a registry.
import { join } from 'node:path';
import shipped from './agent-lock.json' with { type: 'json' };
import type { AgentInstall, AgentRecipe, PlatformPackage } from './profile.ts';

/** One package as the registry has it. */
export interface LockedPackage {
  name: string;
  version: string;
  /** Subresource-integrity text of its tarball. */
  integrity: string;
}

export interface LockedAgent {
  version: string;
  /** By platform key. */
  platforms: Readonly<Record<string, LockedPackage>>;
}

/** By the agent's name. */
export type AgentLock = Readonly<Record<string, LockedAgent>>;

export const SHIPPED_LOCK = shipped satisfies AgentLock;

/** Of what a user raised. */
export function userLockFile(dataRoot: string): string {
  return join(dataRoot, 'agents.lock.json');
}

/** An agent in the version of a lock; one that the lock does not name stays as it is. */
export function inLockedVersion<T extends { name: string; install?: AgentInstall }>(agent: T, lock: AgentLock): T {
  const locked = lock[agent.name];
  if (locked === undefined || agent.install === undefined) return agent;
  return { ...agent, install: lockedInstall(agent.install, locked) };
}

export function shippedInstall(name: keyof typeof SHIPPED_LOCK, recipe: AgentRecipe): AgentInstall {
  return lockedInstall(recipe, SHIPPED_LOCK[name]);
}

/** A platform that the lock lacks is one that the agent does not exist for. */
function lockedInstall(recipe: AgentRecipe, locked: LockedAgent): AgentInstall {
  const platforms = Object.entries(recipe.platformPackages).flatMap(([key, platform]): [string, PlatformPackage][] => {
    const found = locked.platforms[key];
    if (found === undefined) return [];
    const { name, program, companions, interpreter, sizeBytes } = platform;
    const { version, integrity } = found;
    const isAlias = found.name !== name || version !== locked.version;
    const published = isAlias ? { published: { name: found.name, version } } : {};
    const needs = { ...(companions && { companions }), ...(interpreter && { interpreter }) };
    return [[key, { name, ...published, integrity, program, ...needs, sizeBytes }]];
  });
  const { kind, package: packageName } = recipe;
  return { kind, package: packageName, version: locked.version, platformPackages: Object.fromEntries(platforms) };
}
