// A changed policy put in force: the spec first, then a running egress, which must confirm the generation it serves.
import { generationHash } from '../egress/generation.ts';
import { isExpired } from '../policy/expiry.ts';
import { formatRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { IronError, toIronError } from '../platform/errors.ts';
import { offerGeneration } from './confirm-policy.ts';
import type { Context } from './context.ts';
import { uniqueRules } from './create.ts';
import { refuseEgressPorts } from './egress-ports.ts';
import { refuseRulesOfOpen } from './open-net.ts';
import { egressGeneration, listenedPorts } from './policy.ts';
import { repairCage } from './repair.ts';
import type { CageSpec } from './spec.ts';
import { noteCageState, readCageState, readSpec, withCageLock, writeSpec } from './store.ts';

export type RuleView = Rule & {
  /** As it would be typed. */
  text: string;
  /** Whether it has stopped to count. */
  expired?: true;
};

export interface PolicyChange {
  generation: number;
  hash: string;
  confirmed: boolean;
  rules: readonly RuleView[];
}

export function viewRules({ clock }: Pick<Context, 'clock'>, rules: readonly Rule[]): RuleView[] {
  const nowMs = clock.now();
  return rules.map((rule) => ({
    ...rule,
    text: formatRule(rule),
    ...(rule.expires !== undefined && isExpired(rule.expires, nowMs) && { expired: true as const }),
  }));
}

/** What of a policy can change while its cage runs. */
type LivePart = Pick<CageSpec, 'net' | 'rules' | 'inspection'>;

/** Stores a changed policy and has a running egress confirm it. `concerned`: the rules to show; default: all. */
export async function changePolicy(
  context: Context,
  name: string,
  change: (before: CageSpec) => Partial<LivePart>,
  concerned: readonly Rule[] = [],
): Promise<PolicyChange> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const before = await readSpec(context, name);
    refuseRulesOfOpen(before);
    return changeLocked(context, before, change(before), concerned);
  });
}

/** The same for a caller that holds the cage's lock and has repaired it. */
export async function changeLocked(
  context: Context,
  before: CageSpec,
  change: Partial<LivePart>,
  concerned: readonly Rule[] = [],
): Promise<PolicyChange> {
  const { name } = before;
  const changed = { ...before, ...change };
  const spec: CageSpec = { ...changed, rules: uniqueRules(changed.rules), generation: before.generation + 1 };
  refuseEgressPorts(spec, spec.ports ?? []);
  const state = readCageState(context, name);
  const generation = await egressGeneration(context, spec);
  const hash = generationHash(generation);
  const views = viewRules(context, concerned.length === 0 ? spec.rules : concerned);
  // First on disk, where it can fail; rules that are in force and not stored would be lost with the next restart.
  writeSpec(context, spec);
  if (state.phase !== 'running') return { generation: spec.generation, hash, confirmed: false, rules: views };
  const fault = await offerGeneration(context, name, generation, hash).catch((error: unknown) =>
    unanswered(name, error),
  );
  if (fault !== undefined) {
    // The number stays used: an egress whose answer was lost may serve it.
    writeSpec(context, { ...before, generation: spec.generation });
    throw fault;
  }
  noteCageState(context, name, { ...state, generation: spec.generation, hash });
  const listened = listenedPorts(before);
  if (listenedPorts(spec).some((port) => !listened.includes(port))) {
    context.progress(`a rule names a port that the running cage does not listen on yet: ironcage restart ${name}`);
  }
  return { generation: spec.generation, hash, confirmed: true, rules: views };
}

/** It may have taken them before its answer was lost. */
function unanswered(name: string, error: unknown): IronError {
  return new IronError('E_EGRESS', {
    message: `the egress of ${name} did not say whether it took the new rules: the cage keeps the old ones, but until the next run, exec or start the egress may serve the new ones`,
    because: toIronError(error).because,
    hint: `have it told again which rules count: ironcage start ${name}; if it does not answer then either: ironcage restart ${name}`,
    cause: error,
  });
}
