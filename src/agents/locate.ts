// Finds the host's own copy of an agent. Reads the file system only: the host's program is never started outside a cage.
import type { Environment } from '../platform/environment.ts';
import { candidatePaths } from './candidates.ts';
import { thisMachine, type Machine } from './machine.ts';
import type { AgentProfile, AgentProgram } from './profile.ts';
import { readProgram } from './program.ts';

/** The first usable program in the order of `candidatePaths`, or undefined when the host has none. */
export function locateAgent(
  profile: AgentProfile,
  environment: Environment,
  machine: Machine = thisMachine(),
): AgentProgram | undefined {
  for (const path of candidatePaths(profile, environment)) {
    const program = readProgram(path, profile, machine);
    if (program !== undefined) return program;
  }
  return undefined;
}
