// The table of agents, and the one place where a name becomes a profile.
import { IronError } from '../platform/errors.ts';
import { claude } from './claude.ts';
import { codex } from './codex.ts';
import { closestName } from './closest-name.ts';
import { gemini } from './gemini.ts';
import { opencode } from './opencode.ts';
import type { AgentProfile } from './profile.ts';
import { shell } from './shell.ts';

export const AGENTS: readonly AgentProfile[] = [claude, codex, gemini, opencode, shell];

/** One that ironcage knows. `others` are names that could have been meant as well. */
export function findProfile(name: string, others: readonly string[] = []): AgentProfile {
  const profile = AGENTS.find((agent) => agent.name === name);
  if (profile !== undefined) return profile;
  const names = [...AGENTS.map((agent) => agent.name), ...others];
  const close = closestName(name, names);
  throw new IronError('E_NO_AGENT', {
    message: `there is no agent ${JSON.stringify(name)}`,
    hint:
      close === undefined
        ? `the agents are: ${names.join(', ')}; for any other command: ironcage run shell -- COMMAND`
        : `did you mean ${close}? For any other command: ironcage run shell -- COMMAND`,
    details: { agents: names },
  });
}
