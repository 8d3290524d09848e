// The agents that have an image of their own: those that ironcage can install.
import { closestName } from '../agents/closest-name.ts';
import type { AgentInstall } from '../agents/profile.ts';
import { AGENTS } from '../agents/profiles.ts';
import { IronError } from '../platform/errors.ts';
import { packagePlatform, type PinnedProgram } from './image-programs.ts';

export interface ImageAgent {
  name: string;
  title: string;
  /** On PATH. */
  program: string;
  install: AgentInstall;
  /** It is no program of its own: Node must be in the image. */
  needsNode?: true;
}

export const IMAGE_AGENTS: readonly ImageAgent[] = AGENTS.flatMap(({ name, title, program, install }) => {
  if (install === undefined) return [];
  const isScript = Object.values(install.platformPackages).some(({ interpreter }) => interpreter === 'node');
  return [{ name, title, program, install, ...(isScript && { needsNode: true as const }) }];
});

export function hasAgentImage(name: string): boolean {
  return IMAGE_AGENTS.some((agent) => agent.name === name);
}

export function findImageAgent(name: string): ImageAgent {
  const agent = IMAGE_AGENTS.find((each) => each.name === name);
  if (agent !== undefined) return agent;
  const names = IMAGE_AGENTS.map((each) => each.name);
  const close = closestName(name, names);
  throw new IronError('E_NO_AGENT', {
    message: `there is no image of an agent ${JSON.stringify(name)}`,
    hint: close === undefined ? `the agents are: ${names.join(', ')}` : `did you mean ${close}?`,
    details: { agents: names },
  });
}

export function agentProgram(agent: ImageAgent, platform: string): PinnedProgram {
  const pinned = agent.install.platformPackages[packagePlatform(platform)];
  if (pinned === undefined) {
    throw new IronError('E_AGENT_INSTALL', {
      message: `there is no ${agent.title} for ${platform}`,
      hint: `it exists for ${Object.keys(agent.install.platformPackages).join(', ')}`,
    });
  }
  return {
    key: agent.name,
    title: agent.title,
    version: agent.install.version,
    package: pinned,
    links: { [agent.program]: pinned.program },
  };
}
