// Where the agent of a cage was found, remembered beside its spec: a later start must not search or install again.
import { join } from 'node:path';
import { inLockedVersion, userLockFile, type AgentLock } from '../agents/agent-lock.ts';
import type { AgentProfile, AgentProgram } from '../agents/profile.ts';
import { IronError } from '../platform/errors.ts';
import { pathExists, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths } from './store.ts';

function programFile(context: Context, cage: string): string {
  return join(cagePaths(context, cage).root, 'agent.json');
}

/** As it is remembered; undefined when there is none. */
export function readAgentText(context: Context, cage: string): string | undefined {
  return readTextIfPresent(programFile(context, cage));
}

export function writeAgentText(context: Context, cage: string, text: string): void {
  writeFileAtomic(programFile(context, cage), text);
}

function agentsDirectory(context: Context): string {
  return join(context.dataRoot, 'agents');
}

/** Versions that the user raised; the schema is loaded only where there are any. */
export async function agentLock({ dataRoot }: Pick<Context, 'dataRoot'>): Promise<AgentLock> {
  if (!pathExists(userLockFile(dataRoot))) return {};
  const { readUserLock } = await import('./user-lock.ts');
  return readUserLock({ dataRoot });
}

/** The host's own, else the one of this version that ironcage has or installs now. */
export async function findAgent(context: Context, profile: AgentProfile): Promise<AgentProgram> {
  const { ensureAgent } = await import('../agents/ensure.ts');
  return ensureAgent(profile, agentsDirectory(context), {
    environment: context.environment,
    progress: (line) => context.progress(line),
  });
}

/** Finds or installs the agent and remembers it for this cage. Returns whether the cage saw other files of it before. */
export async function rememberAgent(
  context: Context,
  cage: string,
  profile: AgentProfile,
): Promise<{ program: AgentProgram; changed: boolean }> {
  const program = await findAgent(context, inLockedVersion(profile, await agentLock(context)));
  const text = `${JSON.stringify(program)}\n`;
  const changed = readAgentText(context, cage) !== text;
  if (changed) writeAgentText(context, cage, text);
  return { program, changed };
}

/** The programs that a start binds; throws E_NO_AGENT when the remembered one is gone. */
export function readAgentPrograms(context: Context, spec: CageSpec): AgentProgram[] {
  const text = readAgentText(context, spec.name);
  if (text === undefined) return [];
  const hint = `ironcage run ${spec.agent ?? 'AGENT'} finds it anew`;
  const program = parseProgram(text);
  if (program === undefined) {
    throw new IronError('E_NO_AGENT', {
      message: `where the agent of cage ${spec.name} lies cannot be read`,
      because: `${programFile(context, spec.name)} is damaged`,
      hint,
    });
  }
  const missing = program.readOnly.find((path) => !pathExists(path));
  if (missing !== undefined) {
    throw new IronError('E_NO_AGENT', {
      message: `the agent of cage ${spec.name} is gone: ${missing}`,
      because: 'it was updated or removed on the host since the cage last ran',
      hint,
    });
  }
  return [program];
}

function parseProgram(text: string): AgentProgram | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isProgram(value) ? value : undefined;
  } catch {
    // No JSON: damaged like any other text that is no program.
    return undefined;
  }
}

function isProgram(value: unknown): value is AgentProgram {
  return (
    typeof value === 'object' &&
    value !== null &&
    'command' in value &&
    typeof value.command === 'string' &&
    'readOnly' in value &&
    Array.isArray(value.readOnly) &&
    value.readOnly.every((path) => typeof path === 'string')
  );
}
