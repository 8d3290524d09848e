// What an agent needs before it is started in the cage of a project, attended or not: the plan, the cage, its program.
import type { AgentProfile } from '../agents/profile.ts';
import { IronError } from '../platform/errors.ts';
import { adaptCage, stopForChange } from './adapt.ts';
import { rememberAgent } from './agent-programs.ts';
import { clonePath } from './choose-project.ts';
import { createLocked, planCreation, type CreationPlan } from './create.ts';
import type { Context } from './context.ts';
import { ensureRunning } from './ensure-running.ts';
import type { LaunchedEgress } from './launch-egress.ts';
import { parseCageName } from './names.ts';
import type { CageOptions } from './options.ts';
import { secretValue } from './policy.ts';
import { repairCage } from './repair.ts';
import { sessionFor } from './session.ts';
import type { CageSpec } from './spec.ts';
import type { RunningState } from './state.ts';
import { cageExists, readSpec } from './store.ts';

export interface AgentRequest {
  agent: string;
  directory?: string | undefined;
  options: CageOptions & {
    /** A new cage, even if the project has one. */
    fresh: boolean;
  };
}

/** A cage that is there is changed as the plan says; where there is none it is made. The caller holds its lock. */
export async function prepareAgent(
  context: Context,
  plan: CreationPlan,
  profile: AgentProfile,
): Promise<{ state: RunningState; program: readonly string[] }> {
  for (const line of await repairCage(context, plan.name)) context.progress(line);
  let egress: LaunchedEgress | undefined;
  try {
    if (cageExists(context, plan.name)) await adaptCage(context, plan, profile);
    else
      await createLocked(context, plan, async (spec) => {
        const { beginEgress } = await import('./start.ts');
        egress = beginEgress(sessionFor(context, spec));
      });
    const program = await findProgramFor(context, plan.name, profile);
    return { state: await ensureRunning(context, plan.name, { stopWhenIdle: true, egress }), program };
  } catch (error) {
    egress?.kill();
    throw error;
  }
}

export async function planRun(context: Context, request: AgentRequest): Promise<CreationPlan> {
  const { directory, options } = request;
  const source = directory ?? (await sourceOf(context, options.name));
  const plan = await planCreation(context, source, { ...options, agent: request.agent });
  if (!options.fresh) return plan;
  if (options.name !== undefined) {
    throw new IronError('E_USAGE', { message: '--new and --name exclude each other', hint: 'leave one of them out' });
  }
  const stem = plan.name;
  let number = 1;
  while (cageExists(context, number === 1 ? stem : `${stem}-${number}`)) number += 1;
  const name = number === 1 ? stem : `${stem}-${number}`;
  return { ...plan, name, ...(plan.clone === undefined ? {} : { project: clonePath(context, name, plan.clone) }) };
}

/** A cage that was made from a URL is known by its name alone: its project is nowhere that anybody stands in. */
async function sourceOf(context: Context, name: string | undefined): Promise<string | undefined> {
  if (name === undefined || !cageExists(context, parseCageName(name))) return undefined;
  return (await readSpec(context, name).catch(() => undefined))?.source?.url;
}

/** The argv that starts the agent. A cage that has not seen these files of it is restarted to see them. */
async function findProgramFor(context: Context, name: string, profile: AgentProfile): Promise<readonly string[]> {
  if (profile.install === undefined) return [profile.program];
  const { imageAgent } = await readSpec(context, name);
  // Where the images of agents have it; a program of that name in the cage's home is not asked.
  if (imageAgent === profile.name) return [`/usr/local/bin/${profile.program}`];
  const { program, changed } = await rememberAgent(context, name, profile);
  if (changed) await stopForChange(context, name);
  return program.argv;
}

export async function tellMissingValues(context: Context, spec: CageSpec): Promise<void> {
  for (const binding of spec.secrets) {
    if ((await secretValue(context, spec.name, binding)) !== undefined) continue;
    context.progress(
      `${binding.name} has no value: requests that need it are refused (ironcage secret set ${binding.name})`,
    );
  }
}
