// The user's own agents as files: made from one that there is, checked, written out, taken away.
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentProfile } from '../agents/profile.ts';
import { profileText } from '../agents/profile-text.ts';
import { AGENTS } from '../agents/profiles.ts';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, pathExists, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { agentFile, agentProfile, isAgentName, userAgentNames } from './agent-profiles.ts';
import type { Context } from './context.ts';
import { listCageNames, readSpec } from './store.ts';

/** Writes the file of a new agent and says where. Throws E_USAGE for a name that cannot be, or that there is. */
export async function createAgent(context: Context, name: string, from: string): Promise<string> {
  if (!isAgentName(name)) {
    throw new IronError('E_USAGE', {
      message: `${JSON.stringify(name)} is no name for an agent`,
      hint: 'use up to 32 small letters, digits and -, beginning with a letter',
    });
  }
  const file = agentFile(context, name);
  if (AGENTS.some((agent) => agent.name === name) || pathExists(file)) {
    throw new IronError('E_USAGE', {
      message: `there is an agent ${name} already`,
      hint: `choose another name; ironcage agents show ${name} says what it is`,
    });
  }
  const text = await exportAgent(context, from);
  makeDirectory(dirname(file));
  writeFileAtomic(file, text);
  return file;
}

/** Any agent as the text of a file. */
export async function exportAgent(context: Context, name: string): Promise<string> {
  if (userAgentNames(context).includes(name)) return readTextIfPresent(agentFile(context, name)) ?? '';
  return profileText(await agentProfile(context, name));
}

/** Throws E_CONFIG with every mistake, E_NO_AGENT where it is none of the user's own. */
export async function checkAgent(context: Context, name: string): Promise<AgentProfile> {
  ownAgentFile(context, name);
  return agentProfile(context, name);
}

/** Where its file lies. Throws E_NO_AGENT for an agent that has none. */
export function ownAgentFile(context: Context, name: string): string {
  if (userAgentNames(context).includes(name)) return agentFile(context, name);
  const isKnown = AGENTS.some((agent) => agent.name === name);
  throw new IronError('E_NO_AGENT', {
    message: isKnown ? `${name} is part of ironcage` : `there is no agent ${JSON.stringify(name)} of your own`,
    hint: isKnown
      ? `make one of your own of it: ironcage agents create my-${name} --from ${name}`
      : 'ironcage agents list shows them',
  });
}

/** Takes its file away. Throws E_USAGE that names the cages that were made for it. */
export async function removeAgent(context: Context, name: string): Promise<void> {
  const file = ownAgentFile(context, name);
  const cages: string[] = [];
  for (const cage of listCageNames(context)) {
    const spec = await readSpec(context, cage).catch(() => undefined);
    if (spec?.agent === name) cages.push(cage);
  }
  if (cages.length > 0) {
    throw new IronError('E_USAGE', {
      message: `${name} is the agent of ${cages.join(', ')}`,
      hint: `remove ${cages.length === 1 ? 'that cage' : 'those cages'} first: ironcage rm ${cages.join(' ')}`,
      details: { cages },
    });
  }
  rmSync(file);
}
