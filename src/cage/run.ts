// The main job: make or reuse the project's cage, start the agent in it, and say afterwards what it did.
import { agentProfile } from './agent-profiles.ts';
import type { AuditOutcome } from './audit.ts';
import type { Context } from './context.ts';
import { enter } from './enter.ts';
import { planRun, prepareAgent, tellMissingValues, type AgentRequest } from './prepare-agent.ts';
import { openDataRoot } from './store.ts';
import { withinCage } from './within-cage.ts';
import type { CageDiff } from './work.ts';

export interface RunRequest extends AgentRequest {
  /** What stands behind `--`: the agent's own. */
  args: readonly string[];
  options: AgentRequest['options'] & {
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
  const profile = await agentProfile(context, request.agent);
  const plan = await planRun(context, request);
  openDataRoot(context);
  const since = context.clock.now();
  const attachment = request.options.terminal ? 'terminal' : 'inherit';
  const { spec, exitCode } = await withinCage(
    context,
    plan.name,
    () => prepareAgent(context, plan, profile),
    async (session, { state, program }) => {
      await tellMissingValues(context, session.spec);
      const argv = profile.startArgv(program, request.args);
      const ended = await enter(session, state, { argv, env: profile.env, cwd: plan.startIn }, attachment);
      return { spec: session.spec, ...ended };
    },
  );
  // Loaded now, not before: the agent must not wait for what is only said at the end.
  const [{ diffCage, unexportedFiles }, { auditOutcome }] = await Promise.all([
    import('./work.ts'),
    import('./audit.ts'),
  ]);
  const change = await diffCage(context, plan.name);
  const further: CageDiff[] = [];
  for (const { name: dir } of spec.dirs ?? []) {
    const own = await diffCage(context, plan.name, dir);
    if (own.files.length > 0) further.push(own);
  }
  const outcome = await auditOutcome(context, plan.name, since);
  const inPlace = spec.workspace !== 'copy';
  const kept = !request.options.remove || (await unexportedFiles(context, plan.name)).length > 0;
  if (!kept) {
    const { removeCage } = await import('./remove.ts');
    await removeCage(context, plan.name, { discard: false });
  }
  return { cage: plan.name, exitCode, change, further, ...outcome, kept, inPlace };
}
