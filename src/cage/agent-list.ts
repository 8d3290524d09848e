// The agents that can be run: those that ironcage knows, and the user's own.
import { AGENTS } from '../agents/profiles.ts';
import { agentProfile, userAgentNames } from './agent-profiles.ts';
import type { Context } from './context.ts';

export interface AgentSummary {
  name: string;
  title: string;
  hosts: readonly string[];
  /** Names of its secrets. */
  secrets: readonly string[];
}

/** One of the user's own that cannot be read is told, and left out. */
export async function listAgents(context: Context): Promise<AgentSummary[]> {
  const own = await Promise.all(
    userAgentNames(context).map((name) =>
      agentProfile(context, name).catch(() => {
        context.progress(`the file of ${name} has mistakes: ironcage agents edit ${name}`);
        return undefined;
      }),
    ),
  );
  const profiles = [...AGENTS, ...own.filter((profile) => profile !== undefined)];
  return profiles.map(({ name, title, hosts, secrets }) => ({
    name,
    title,
    hosts,
    secrets: secrets.map((secret) => secret.name),
  }));
}
