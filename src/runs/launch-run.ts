// Launching a run: the cage is made ready as for `run`, then the run comes to be in one step, a rename. Killed before it nothing
// is left, killed after it the run goes on.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentProfile } from '../agents/profile.ts';
import { agentProfile } from '../cage/agent-profiles.ts';

import { parseBudget, type BudgetOptions } from '../cage/budget.ts';
import type { Budget } from '../cage/budget-schema.ts';
import type { Context } from '../cage/context.ts';
import { cageIdentity, currentCaller } from '../cage/identity.ts';
import { planRun, prepareAgent, tellMissingValues } from '../cage/prepare-agent.ts';
import type { CageOptions } from '../cage/options.ts';
import { checkVariable } from '../cage/env-file.ts';
import type { CageSpec } from '../cage/spec.ts';
import { cagePaths, openDataRoot, readSpec, withCageLock } from '../cage/store.ts';
import { createFileBeneath } from '../platform/beneath.ts';
import { errorMessage, IronError } from '../platform/errors.ts';
import { makeDirectory, namesIn, pathExists, removeTree, writeFileAtomic } from '../platform/files.ts';
import { costLeft, exceeded, sumOf, usedBy } from './budget-check.ts';
import { busRun } from './bus-run.ts';
import { writeLaunch } from './launch-file.ts';
import { tellOfMessages } from './messaging.ts';
import { startRecorder } from './recorder-host.ts';
import { newRunId } from './run-id.ts';
import type { RunRecord } from './run-record.ts';
import { cageOfRun, isRunTaken, placesBelow, readRun, recordedRuns, runPlaces, writeRun } from './run-store.ts';
import { viewOf, type RunInfo } from './run-view.ts';
import { NO_RUN_USAGE } from './usage.ts';

export interface LaunchRequest {
  /** One that is there. Absent: that of the project, which is made where there is none. */
  cage?: string | undefined;
  /** Project or git URL; default: the git root around the current directory. */
  directory?: string | undefined;
  agent: string;
  prompt: string;
  /** Id of a run whose session is gone on with. */
  resume?: string | undefined;
  model?: string | undefined;
  /** Arguments of the agent's own. */
  args?: readonly string[] | undefined;
  /** Variables of this run alone. */
  env?: Readonly<Record<string, string>> | undefined;
  budget?: BudgetOptions | undefined;
  /** False: it is told nothing of messages to and from outside. */
  messaging?: boolean | undefined;
  /** As for `run`; `env` here is the cage's. */
  options?: Partial<CageOptions> & { fresh?: boolean };
}

const NO_OPTIONS: CageOptions = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };
const MAX_PROMPT_BYTES = 16 * 2 ** 20;

/** Resolves when its agent runs, or has ended already. */
export async function launchRun(context: Context, request: LaunchRequest): Promise<RunInfo> {
  const profile = await agentProfile(context, request.agent);
  const { headless } = profile;
  if (headless === undefined) {
    throw new IronError('E_USAGE', {
      message: `${profile.title} cannot work unattended`,
      hint: '`ironcage agents list` shows the agents; `ironcage run` starts this one with a terminal',
    });
  }
  if (Buffer.byteLength(request.prompt) > MAX_PROMPT_BYTES)
    throw usage('the prompt is longer than 16 MiB', 'put it into a file of the project, and name that');
  const budget = parseBudget(request.budget ?? {}, '--max-');
  const env = request.env ?? {};
  for (const variable of Object.keys(env)) checkVariable(variable, variable);
  const resumed = request.resume === undefined ? undefined : readResumed(context, request.resume, profile);
  const { name, source } = await placeOf(context, request, resumed);
  const plan = await planRun(context, {
    agent: profile.name,
    directory: source,
    options: {
      ...NO_OPTIONS,
      ...request.options,
      fresh: request.options?.fresh ?? false,
      ...(name !== undefined && { name }),
    },
  });
  openDataRoot(context);
  const record = await withCageLock(context, plan.name, async () => {
    const { state, program } = await prepareAgent(context, plan, profile);
    const spec = await readSpec(context, plan.name);
    refuseUncounted(spec, budget);
    const usedUsd = refuseUsedUp(context, spec);
    await tellMissingValues(context, spec);
    const id = newRunId(context.clock.now(), (taken) => isRunTaken(context, taken));
    const { messaging: isWanted = true, prompt: task } = request;
    const { args, prompt } = tellOfMessages(context, spec, profile, { isWanted, prompt: task });
    const argv = headless.argv(program, {
      model: request.model,
      resume: resumed?.sessionId ?? undefined,
      maxCostUsd: costLeft(budget, spec.budget ?? {}, usedUsd),
      args: [...args, ...(request.args ?? [])],
    });
    const draft = join(cagePaths(context, plan.name).runs, `.${id}`);
    const record: RunRecord = {
      ...{ version: 1, id, cage: plan.name, agent: profile.name, model: request.model ?? null },
      ...{ status: 'running', exitCode: null, reason: null, endedAt: null },
      startedAt: new Date(context.clock.now()).toISOString(),
      ...{
        sessionId: null,
        resumes: resumed?.id ?? null,
        ...NO_RUN_USAGE,
        sessionBefore: resumed?.session ?? null,
        bytesOut: null,
        budget,
        notes: [],
      },
      init: { pid: state.init.pid, startTicks: state.init.startTicks },
      gvisor: state.sandbox !== undefined,
    };
    const launch = { argv, env: { ...profile.env, ...env }, cwd: plan.startIn ?? null };
    return commit(context, spec, { record, launch, draft, task, prompt });
  });
  return viewOf(record);
}

interface Draft {
  record: RunRecord;
  launch: Parameters<typeof writeLaunch>[1];
  /** Where it lies until it is a run. */
  draft: string;
  /** As the user wrote it. */
  task: string;
  /** As the agent gets it. */
  prompt: string;
}

/** The caller holds the cage's lock. */
async function commit(
  context: Context,
  spec: CageSpec,
  { record, launch, draft, task, prompt }: Draft,
): Promise<RunRecord> {
  const { id, cage } = record;
  const { bus, runs } = cagePaths(context, cage);
  const places = runPlaces(context, cage, id);
  sweepDrafts(runs, bus);
  context.step('launch: begin');
  makeDirectory(draft);
  try {
    const own = placesBelow(draft);
    writeRun(own, record);
    writeFileAtomic(own.prompt, task);
    writeLaunch(own.launch, launch);
    context.step('launch: written');
    putPrompt(bus, id, prompt, spec);
    context.step('launch: prompt inside');
    const recorder = startRecorder(context, cage, id, draft);
    try {
      await recorder.ready();
      context.step('launch: recorder there');
      renameSync(draft, places.root);
      context.step('launch: made');
      recorder.go();
      await recorder.settled();
      context.step('launch: settled');
    } catch (error) {
      // One that has begun is ended by whoever finds it.
      if (!pathExists(places.root)) recorder.kill();
      throw error;
    } finally {
      recorder.letGo();
    }
  } catch (error) {
    sweepDrafts(runs, bus);
    throw error;
  }
  const now = readRun(places);
  if (now === undefined)
    throw new IronError('E_BACKEND', { message: `the run ${id} is gone`, hint: 'its cage was removed meanwhile' });
  if (now.reason?.code === 'not-started') {
    throw new IronError('E_BACKEND', {
      message: `the run ${id} could not be started`,
      because: now.reason.message,
      hint: `\`ironcage diagnose ${cage}\` says what it can see`,
    });
  }
  return now;
}

/** Of launches that were killed: whoever launches holds the lock. */
function sweepDrafts(runs: string, bus: string): void {
  makeDirectory(runs);
  for (const name of namesIn(runs)) {
    if (!name.startsWith('.')) continue;
    busRun(bus, name.slice(1), undefined).clear();
    removeTree(join(runs, name), runs);
  }
}

function putPrompt(bus: string, id: string, prompt: string, spec: CageSpec): void {
  const caller = currentCaller();
  const owner = caller.uid === 0 ? cageIdentity(caller, spec) : undefined;
  let isPut: boolean;
  try {
    isPut = createFileBeneath(bus, `runs/${id}/prompt`, prompt, 0o600, owner);
  } catch (error) {
    throw new IronError('E_PROTECTION', {
      message: `the prompt cannot be put into the bus of ${spec.name}`,
      because: errorMessage(error),
      hint: `something inside has made /ironcage/bus/runs what it should not be: ironcage exec ${spec.name} -- rm -rf /ironcage/bus/runs`,
    });
  }
  if (!isPut)
    throw new IronError('E_PROTECTION', { message: 'there is a prompt of that run already', hint: 'launch it again' });
}

function readResumed(
  context: Context,
  id: string,
  { name: agent, headless }: AgentProfile,
): RunRecord & { sessionId: string } {
  const record = readRun(runPlaces(context, cageOfRun(context, id), id));
  if (record === undefined) throw usage(`there is no run ${id}`, '`ironcage runs` shows them');
  if (record.agent !== agent)
    throw usage(`the run ${id} is one of ${record.agent}, not of ${agent}`, `write --agent ${record.agent}`);
  if (headless?.canResume !== true) throw usage(`${agent} has no sessions to go on with`, 'launch a run of its own');
  const { sessionId } = record;
  if (sessionId === null) throw usage(`the run ${id} told no session to go on with`, 'launch a run of its own');
  if (record.status === 'running')
    throw usage(`the run ${id} still runs`, `wait for it, or stop it: ironcage stop-run ${id}`);
  return { ...record, sessionId };
}

async function placeOf(
  context: Context,
  { cage, directory, options }: LaunchRequest,
  resumed: RunRecord | undefined,
): Promise<{ name: string | undefined; source: string | undefined }> {
  const named = cage ?? resumed?.cage;
  if (named === undefined) return { name: options?.name, source: directory };
  if (resumed !== undefined && resumed.cage !== named) {
    throw usage(
      `the run ${resumed.id} is one of the cage ${resumed.cage}`,
      'a session lies in the home of its cage: leave the other cage out',
    );
  }
  const spec = await readSpec(context, named);
  return { name: named, source: spec.source?.url ?? spec.startIn ?? spec.project };
}

/** A budget that nobody would count is none. */
function refuseUncounted({ name, net, budget: ofCage }: CageSpec, budget: Budget): void {
  if (net !== 'open' || (budget.bytes === undefined && ofCage?.bytes === undefined)) return;
  throw new IronError('E_PROTECTION', {
    message: `nobody counts the bytes that leave ${name}`,
    because: 'it was made with --net open: its traffic passes no egress',
    hint: 'leave the budget of bytes out, or use a cage with another --net',
  });
}

/** Dollars that the runs of a cage with a budget have cost. */
function refuseUsedUp(context: Context, { name, budget }: CageSpec): number {
  if (budget === undefined) return 0;
  const now = context.clock.now();
  const used = sumOf(recordedRuns(context, name).map((run) => usedBy(run, now)));
  const reason = exceeded(budget, used, 'all runs of the cage together');
  if (reason === undefined) return used.costUsd;
  throw new IronError('E_REFUSED', {
    message: `the cage ${name} may not be used for another run`,
    because: reason.message,
    hint: 'give it a larger budget with --budget-cost, --budget-tokens, --budget-time or --budget-bytes, or use another cage',
  });
}

function usage(message: string, hint: string): IronError {
  return new IronError('E_USAGE', { message, hint });
}
