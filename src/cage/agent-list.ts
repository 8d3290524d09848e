// The agents there are profiles for.
import { AGENTS } from '../agents/profiles.ts';

export interface AgentSummary {
  name: string;
  title: string;
  hosts: readonly string[];
  /** Names of its secrets. */
  secrets: readonly string[];
}

export function listAgents(): AgentSummary[] {
  return AGENTS.map(({ name, title, hosts, secrets }) => ({
    name,
    title,
    hosts,
    secrets: secrets.map((secret) => secret.name),
  }));
}
