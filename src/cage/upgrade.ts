// `upgrade`: a newer agent or image for a cage, on purpose. The new is there before the old is left, the spec, home and work stay,
// and a cage that does not start with the new is taken back to the old: here, or by the next command after a crash.
import { errorMessage, IronError, toIronError } from '../platform/errors.ts';
import { run } from '../platform/processes.ts';
import { printableLine } from '../platform/text.ts';
import { writeAgentText } from './agent-programs.ts';
import type { Context } from './context.ts';
import { commandFor } from './enter.ts';
import { findImageAgent } from './image-agents.ts';
import { isOccupied } from './occupancy.ts';
import { repairCage } from './repair.ts';
import { openSession, type CageSession } from './session.ts';
import type { CageSpec } from './spec.ts';
import { startLocked, stopLocked } from './start.ts';
import type { RunningState } from './state.ts';
import { cagePaths, readCageState, readSpec, withCageLock, writeSpec } from './store.ts';
import { announceUpgrade, endUpgrade } from './upgrade-journal.ts';
import { planUpgrade, type UpgradeOptions, type UpgradePlan, type UpgradeStep } from './upgrade-plan.ts';

export interface UpgradeOutcome {
  cage: string;
  dryRun: boolean;
  /** In a dry run also where only building or pulling would tell. */
  changed: boolean;
  image: UpgradeStep | undefined;
  agent: (UpgradeStep & { name: string; where: 'image' | 'installed' | 'host' }) | undefined;
}

/** Throws E_LOCKED while the cage is in use, E_BACKEND when it did not start with the new and is back on the old. */
export async function upgradeCage(context: Context, name: string, options: UpgradeOptions): Promise<UpgradeOutcome> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const spec = await readSpec(context, name);
    if (!options.dryRun) await refuseInUse(context, name);
    const plan = await planUpgrade(context, spec, options);
    const changed = isOther(plan.image) || isOther(plan.agent);
    if (!options.dryRun) {
      context.step('upgrade: planned');
      // What is attached takes no lock: it may have come meanwhile.
      await refuseInUse(context, name);
      if (changed) await switchTo(context, spec, plan);
      if (plan.locked !== undefined) {
        const { writeUserLock } = await import('./user-lock.ts');
        await writeUserLock(context, plan.locked.name, plan.locked.agent);
        context.step('upgrade: locked');
      }
    }
    return { cage: name, dryRun: options.dryRun, changed, image: stepOf(plan.image), agent: agentOf(plan) };
  });
}

function isOther(step: UpgradeStep | undefined): boolean {
  return step !== undefined && step.after !== step.before;
}

function stepOf(step: UpgradeStep | undefined): UpgradeStep | undefined {
  return step && { before: step.before, after: step.after };
}

function agentOf({ agent }: UpgradePlan): UpgradeOutcome['agent'] {
  return agent && { name: agent.name, where: agent.where, before: agent.before, after: agent.after };
}

async function refuseInUse(context: Context, name: string): Promise<void> {
  const state = readCageState(context, name);
  if (state.phase !== 'running' || !(await isOccupied(cagePaths(context, name), state))) return;
  throw new IronError('E_LOCKED', {
    message: `the cage ${name} is in use, and an upgrade starts it anew`,
    hint: `end what runs in it (ironcage stop ${name}) and run the command again`,
  });
}

/** The journal stands from before the first change until the new cage has been seen to work. */
async function switchTo(context: Context, spec: CageSpec, plan: UpgradePlan): Promise<void> {
  const { name } = spec;
  const wasRunning = readCageState(context, name).phase === 'running';
  if (wasRunning) await stopLocked(context, name);
  announceUpgrade(context, spec);
  context.step('upgrade: announced');
  try {
    writeSpec(context, withImage(spec, plan));
    if (plan.agent?.program !== undefined) writeAgentText(context, name, `${JSON.stringify(plan.agent.program)}\n`);
    context.step('upgrade: spec written');
    context.progress(`starting ${name} with ${newOf(plan)}`);
    const session = await openSession(context, name);
    await mustWork(session, await startLocked(session, false), plan);
    context.step('upgrade: verified');
  } catch (error) {
    throw await takeBack(context, spec, { plan, wasRunning, error });
  }
  endUpgrade(context, name);
  context.step('upgrade: written');
  if (!wasRunning) await stopLocked(context, name);
}

function withImage(spec: CageSpec, { image }: UpgradePlan): CageSpec {
  if (image?.place === undefined) return spec;
  const { imageId: _id, imagePath: _path, imageAgent: _agent, ...rest } = spec;
  return { ...rest, ...image.place };
}

const LOOK_MS = 60_000;

/** That it has started says that image and egress work; the agent is asked for its version, as any program of the cage. */
async function mustWork(session: CageSession, state: RunningState, { agent, image }: UpgradePlan): Promise<void> {
  const inImage = image?.place?.imageAgent;
  const argv = inImage === undefined ? agent?.program?.argv : [`/usr/local/bin/${findImageAgent(inImage).program}`];
  if (argv === undefined) return;
  const { program, args, env, cwd, endLeftOver } = commandFor(session, state, { argv: [...argv, '--version'] }, false);
  const { exitCode, stderr, timedOut } = await run(program, args, {
    ...{ env, cwd, timeoutMs: LOOK_MS, maxOutputBytes: 2 ** 20 },
  });
  await endLeftOver?.();
  if (exitCode === 0) return;
  throw new IronError('E_BACKEND', {
    message: `${agent?.name ?? inImage ?? 'the agent'} does not start in it`,
    because: timedOut
      ? 'it does not end'
      : printableLine(stderr.trim().slice(-300)) || `it ends with ${exitCode ?? 'a signal'}`,
    hint: 'wait for another version of it, or choose one with --to',
  });
}

async function takeBack(
  context: Context,
  spec: CageSpec,
  { plan, wasRunning, error }: { plan: UpgradePlan; wasRunning: boolean; error: unknown },
): Promise<IronError> {
  const cause = toIronError(error);
  let stands = `it is back on ${oldOf(plan)}`;
  try {
    // The repair of an interrupted upgrade, which this one is.
    await repairCage(context, spec.name);
    if (wasRunning) await startLocked(await openSession(context, spec.name), false);
  } catch (failure) {
    stands = `it is to be back on ${oldOf(plan)}, which the next command tries again (${errorMessage(failure)})`;
  }
  return new IronError(cause.code, {
    message: `the cage ${spec.name} does not work with ${newOf(plan)}; ${stands}`,
    because: [cause.message, ...cause.reasons],
    hint: cause.hint,
    cause,
  });
}

function newOf(plan: UpgradePlan): string {
  return named(plan, ({ after }) => after);
}

function oldOf(plan: UpgradePlan): string {
  return named(plan, ({ before }) => before);
}

function named({ agent, image }: UpgradePlan, pick: (step: UpgradeStep) => string | undefined): string {
  const parts = [agent && `${agent.name} ${pick(agent) ?? ''}`, image && (pick(image) ?? '')];
  return parts.filter(Boolean).join(' in ');
}
