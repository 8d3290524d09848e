// The main job: make or reuse the project's cage, start the agent in it, and say afterwards what it did.
import { resolve } from 'node:path';
import type { AgentProfile } from '../agents/profile.ts';
import { AGENTS, findProfile } from '../agents/profiles.ts';
import { cageProcesses } from '../backends/native/stop.ts';
import { IronError } from '../platform/errors.ts';
import { resolveProjectRoot } from '../workspace/project.ts';
import { rememberAgent } from './agent-programs.ts';
import type { AuditOutcome } from './audit.ts';
import { agentRules, createLocked, planCreation, seedHome, uniqueRules, type CreationPlan } from './create.ts';
import type { Context } from './context.ts';
import { enter } from './enter.ts';
import { defaultCageName } from './names.ts';
import type { CageOptions } from './options.ts';
import { secretValue } from './policy.ts';
import { repairCage, stateHealth } from './repair.ts';
import { bindAgentSecret, bindNamedSecret } from './secrets.ts';
import { openSession } from './session.ts';
import type { CageSpec } from './spec.ts';
import { ensureRunning, stopCage, stopLocked } from './start.ts';
import type { RunningState } from './state.ts';
import { cageExists, openDataRoot, readCageState, readSpec, withCageLock, writeSpec } from './store.ts';
import type { CageDiff } from './work.ts';

export interface RunRequest {
  agent: string;
  directory?: string | undefined;
  /** What stands behind `--`: the agent's own. */
  args: readonly string[];
  options: CageOptions & {
    /** A new cage, even if the project has one. */
    fresh: boolean;
    /** Remove the cage afterwards, unless it holds work. */
    remove: boolean;
    /** Give the agent a terminal of its own. */
    terminal: boolean;
  };
}

export interface RunOutcome extends AuditOutcome {
  cage: string;
  exitCode: number;
  change: CageDiff | undefined;
  /** Whether the cage is still there. */
  kept: boolean;
}

export async function runAgent(context: Context, request: RunRequest): Promise<RunOutcome> {
  const profile = findProfile(request.agent);
  const plan = await planRun(context, request);
  openDataRoot(context);
  const since = context.clock.now();
  const { state, started, argv } = await withCageLock(context, plan.name, async () => {
    for (const line of await repairCage(context, plan.name)) context.progress(line);
    if (cageExists(context, plan.name)) await adapt(context, plan, profile);
    else {
      const { requireNative } = await import('../backends/native/probe.ts');
      await requireNative(context.environment);
      await createLocked(context, plan);
    }
    const program = await findProgramFor(context, plan.name, profile);
    return { ...(await ensureRunning(context, plan.name)), argv: profile.startArgv(program, request.args) };
  });
  const session = await openSession(context, plan.name);
  await tellMissingValues(context, session.spec);
  const attachment = request.options.terminal ? 'terminal' : 'inherit';
  const { exitCode } = await enter(session, state, { argv, env: profile.env }, attachment);
  if (started && isIdle(state)) await stopCage(context, plan.name);
  // Loaded now, not before: the agent must not wait for what is only said at the end.
  const [{ diffCage }, { auditOutcome }] = await Promise.all([import('./work.ts'), import('./audit.ts')]);
  const change = await diffCage(context, plan.name);
  const outcome = await auditOutcome(context, plan.name, since);
  const kept = !request.options.remove || change.files.length > 0;
  if (!kept) {
    const { removeCage } = await import('./remove.ts');
    await removeCage(context, plan.name, { discard: false });
  }
  return { cage: plan.name, exitCode, change, ...outcome, kept };
}

/** Only process 1 and the program that keeps the namespace are left: nobody else is in there. */
function isIdle(state: RunningState): boolean {
  return cageProcesses(state.init).length <= 2;
}

async function planRun(context: Context, request: RunRequest): Promise<CreationPlan> {
  const { directory, options } = request;
  const source = directory === undefined ? undefined : await resolveProjectRoot(resolve(context.cwd, directory));
  const plan = await planCreation(context, source, { ...options, agent: request.agent });
  if (!options.fresh) return plan;
  if (options.name !== undefined) {
    throw new IronError('E_USAGE', { message: '--new and --name exclude each other', hint: 'leave one of them out' });
  }
  const stem = defaultCageName(plan.project);
  let number = 1;
  while (cageExists(context, number === 1 ? stem : `${stem}-${number}`)) number += 1;
  return { ...plan, name: number === 1 ? stem : `${stem}-${number}` };
}

/** A cage that is there keeps its spec; what this call names in addition is added and shown. The caller holds the lock. */
async function adapt(context: Context, plan: CreationPlan, profile: AgentProfile): Promise<void> {
  const spec = await readSpec(context, plan.name);
  if (spec.project !== plan.project) {
    throw new IronError('E_CAGE_EXISTS', {
      message: `the cage ${plan.name} belongs to another project: ${spec.project}`,
      hint: 'choose another --name',
    });
  }
  const next = await extendSpec(context, spec, plan, profile);
  if (next === undefined) return;
  await stopForChange(context, plan.name);
  writeSpec(context, next);
  if (next.agent !== spec.agent) {
    const { identity, callerIsRoot, paths } = await openSession(context, plan.name);
    seedHome(paths.home, profile, next, callerIsRoot ? identity : undefined);
  }
}

/** The spec with what the call adds, or undefined when it adds nothing. */
async function extendSpec(
  context: Context,
  spec: CageSpec,
  { request }: CreationPlan,
  profile: AgentProfile,
): Promise<CageSpec | undefined> {
  const secrets = [...spec.secrets];
  const bind = async (name: string): Promise<void> => {
    if (secrets.some((binding) => binding.name === name)) return;
    const own = profile.secrets.find((secret) => secret.name === name);
    secrets.push(own === undefined ? await bindNamedSecret(context, name, spec.name, AGENTS) : bindAgentSecret(own));
  };
  if (request.auth !== 'none') for (const { name } of profile.secrets) await bind(name);
  for (const name of request.secrets) await bind(name);
  const isAgent = profile.secrets.length > 0 || profile.bundles.length > 0;
  const next: CageSpec = {
    ...spec,
    ...(isAgent ? { agent: profile.name } : {}),
    rules: uniqueRules([...spec.rules, ...agentRules(profile), ...request.rules]),
    secrets,
    routes: [
      ...spec.routes.filter(({ host }) => !request.routes.some((route) => route.host === host)),
      ...request.routes,
    ],
    env: { ...spec.env, ...request.env },
    binds: [...spec.binds, ...request.binds.filter(({ target }) => !spec.binds.some((bind) => bind.target === target))],
  };
  if (JSON.stringify(next) === JSON.stringify(spec)) return undefined;
  return { ...next, generation: spec.generation + 1 };
}

/** What a cage is made of can only change while it does not run; an idle one is stopped, a busy one is left alone. */
async function stopForChange(context: Context, name: string): Promise<void> {
  const state = readCageState(context, name);
  if (stateHealth(state) !== 'running' || state.phase !== 'running') return;
  if (!isIdle(state)) {
    throw new IronError('E_LOCKED', {
      message: `the cage ${name} is in use and would have to be restarted for these options`,
      hint: `end what runs in it (ironcage stop ${name}), leave the new options out, or use --new`,
    });
  }
  await stopLocked(context, name);
}

/** The argv that starts the agent. A cage that has not seen these files of it is restarted to see them. */
async function findProgramFor(context: Context, name: string, profile: AgentProfile): Promise<readonly string[]> {
  if (profile.install === undefined) return [profile.program];
  const { program, changed } = await rememberAgent(context, name, profile);
  if (changed) await stopForChange(context, name);
  return program.argv;
}

async function tellMissingValues(context: Context, spec: CageSpec): Promise<void> {
  for (const binding of spec.secrets) {
    if ((await secretValue(context, spec.name, binding)) !== undefined) continue;
    context.progress(
      `${binding.name} has no value: requests that need it are refused (ironcage secret set ${binding.name})`,
    );
  }
}
