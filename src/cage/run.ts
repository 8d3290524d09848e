// The main job: make or reuse the project's cage, start the agent in it, and say afterwards what it did.
import type { AgentProfile } from '../agents/profile.ts';
import { findProfile } from '../agents/profiles.ts';
import { IronError } from '../platform/errors.ts';
import { adaptCage, stopForChange } from './adapt.ts';
import { rememberAgent } from './agent-programs.ts';
import type { AuditOutcome } from './audit.ts';
import { clonePath } from './choose-project.ts';
import { createLocked, planCreation, type CreationPlan } from './create.ts';
import type { Context } from './context.ts';
import { enter, leaveCage } from './enter.ts';
import { parseCageName } from './names.ts';
import type { CageOptions } from './options.ts';
import { occupy } from './occupancy.ts';
import { secretValue } from './policy.ts';
import { repairCage } from './repair.ts';
import { openSession } from './session.ts';
import type { CageSpec } from './spec.ts';
import { ensureRunning } from './ensure-running.ts';
import { cageExists, cagePaths, openDataRoot, readSpec, withCageLock } from './store.ts';
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
  /** Of further directories those that changed. */
  further: readonly CageDiff[];
  /** Whether the cage is still there. */
  kept: boolean;
  /** The project is mounted: the change is there already. */
  inPlace: boolean;
}

export async function runAgent(context: Context, request: RunRequest): Promise<RunOutcome> {
  const profile = findProfile(request.agent);
  const plan = await planRun(context, request);
  openDataRoot(context);
  const since = context.clock.now();
  const { state, argv, leave } = await withCageLock(context, plan.name, async () => {
    for (const line of await repairCage(context, plan.name)) context.progress(line);
    if (cageExists(context, plan.name)) await adaptCage(context, plan, profile);
    else await createLocked(context, plan);
    const program = await findProgramFor(context, plan.name, profile);
    const state = await ensureRunning(context, plan.name, { stopWhenIdle: true });
    return { state, argv: profile.startArgv(program, request.args), leave: occupy(cagePaths(context, plan.name)) };
  });
  const session = await openSession(context, plan.name);
  await tellMissingValues(context, session.spec);
  const attachment = request.options.terminal ? 'terminal' : 'inherit';
  const { exitCode } = await enter(session, state, { argv, env: profile.env, cwd: plan.startIn }, attachment).finally(
    () => leaveCage(context, plan.name, leave),
  );
  // Loaded now, not before: the agent must not wait for what is only said at the end.
  const [{ diffCage, unexportedFiles }, { auditOutcome }] = await Promise.all([
    import('./work.ts'),
    import('./audit.ts'),
  ]);
  const change = await diffCage(context, plan.name);
  const further: CageDiff[] = [];
  for (const { name: dir } of session.spec.dirs ?? []) {
    const own = await diffCage(context, plan.name, dir);
    if (own.files.length > 0) further.push(own);
  }
  const outcome = await auditOutcome(context, plan.name, since);
  const inPlace = session.spec.workspace !== 'copy';
  const kept =
    !request.options.remove ||
    (inPlace ? (await unexportedFiles(context, plan.name)).length > 0 : change.files.length + further.length > 0);
  if (!kept) {
    const { removeCage } = await import('./remove.ts');
    await removeCage(context, plan.name, { discard: false });
  }
  return { cage: plan.name, exitCode, change, further, ...outcome, kept, inPlace };
}

async function planRun(context: Context, request: RunRequest): Promise<CreationPlan> {
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

async function tellMissingValues(context: Context, spec: CageSpec): Promise<void> {
  for (const binding of spec.secrets) {
    if ((await secretValue(context, spec.name, binding)) !== undefined) continue;
    context.progress(
      `${binding.name} has no value: requests that need it are refused (ironcage secret set ${binding.name})`,
    );
  }
}
