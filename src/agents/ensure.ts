// An agent that a cage can start: the host's own, else the one ironcage installed before, else a fresh install.
import { findInstalled, installAgent, type InstallOptions } from './install.ts';
import { locateAgent } from './locate.ts';
import { thisMachine } from './machine.ts';
import type { AgentProfile, AgentProgram } from './profile.ts';

/** `agentsDirectory` belongs to ironcage and is made when needed. Throws as `installAgent` does. */
export async function ensureAgent(
  profile: AgentProfile,
  agentsDirectory: string,
  options: InstallOptions,
): Promise<AgentProgram> {
  const machine = options.machine ?? thisMachine();
  return (
    locateAgent(profile, options.environment, machine) ??
    findInstalled(profile, agentsDirectory, machine) ??
    (await installAgent(profile, agentsDirectory, { ...options, machine }))
  );
}
