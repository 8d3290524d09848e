// Rules of a cage, changed while it runs: the spec first, then the egress, which must confirm the generation it serves.
import { sendControl } from '../egress/client.ts';
import type { ControlAnswer, EgressGeneration } from '../egress/config.ts';
import { generationHash } from '../egress/generation.ts';
import { decide } from '../policy/chain.ts';
import { exchangeFromUrl } from '../policy/explain.ts';
import { NO_USAGE } from '../policy/inspector.ts';
import { formatRule } from '../policy/rules.ts';
import type { Decision, Rule } from '../policy/types.ts';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import type { Context } from './context.ts';
import { uniqueRules } from './create.ts';
import { cagePolicy, egressGeneration, listenedPorts } from './policy.ts';
import { repairCage, stateHealth } from './repair.ts';
import { readRules } from './rule-input.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, noteCageState, readCageState, readSpec, withCageLock, writeSpec } from './store.ts';

const CONTROL_TIMEOUT_MS = 5_000;

export type RuleView = Rule & { text: string };

export interface PolicyView {
  mode: CageSpec['net'];
  generation: number;
  hash: string;
  /** Whether a running egress serves exactly this generation; false for a stopped cage. */
  confirmed: boolean;
  rules: readonly RuleView[];
}

export interface PolicyChange {
  generation: number;
  hash: string;
  confirmed: boolean;
  rules: readonly RuleView[];
}

function viewRule(rule: Rule): RuleView {
  return { ...rule, text: formatRule(rule) };
}

export async function policyShow(context: Context, name: string): Promise<PolicyView> {
  const spec = await readSpec(context, name);
  const hash = generationHash(await egressGeneration(context, spec));
  const answer = await askEgress(context, name);
  const confirmed = answer?.ok === true && answer.generation === spec.generation && answer.hash === hash;
  return { mode: spec.net, generation: spec.generation, hash, confirmed, rules: spec.rules.map(viewRule) };
}

/** Adds allow rules; a rule with an id that is there already replaces it. */
export function policyAllow(context: Context, name: string, texts: readonly string[]): Promise<PolicyChange> {
  return policyAdd(context, name, 'allow', texts);
}

export function policyDeny(context: Context, name: string, texts: readonly string[]): Promise<PolicyChange> {
  return policyAdd(context, name, 'deny', texts);
}

async function policyAdd(
  context: Context,
  name: string,
  effect: Rule['effect'],
  texts: readonly string[],
): Promise<PolicyChange> {
  const added = await readRules(context, effect, texts);
  return changePolicy(
    context,
    name,
    ({ rules }) => ({ rules: [...rules.filter((rule) => !added.some(({ id }) => id === rule.id)), ...added] }),
    added,
  );
}

export async function policyRemove(context: Context, name: string, idOrText: string): Promise<PolicyChange> {
  return changePolicy(context, name, ({ rules }) => {
    const kept = rules.filter((rule) => rule.id !== idOrText && formatRule(rule) !== idOrText);
    if (kept.length === rules.length) {
      throw new IronError('E_RULE', {
        message: `cage ${name} has no rule ${JSON.stringify(idOrText)}`,
        hint: `\`ironcage policy show ${name}\` lists the rules with their ids`,
      });
    }
    return { rules: kept };
  });
}

/** Stores a changed policy and has a running egress confirm it. `concerned`: the rules to show; default: all. */
export async function changePolicy(
  context: Context,
  name: string,
  change: (before: CageSpec) => Partial<Pick<CageSpec, 'net' | 'rules'>>,
  concerned: readonly Rule[] = [],
): Promise<PolicyChange> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const before = await readSpec(context, name);
    const changed = { ...before, ...change(before) };
    const spec: CageSpec = { ...changed, rules: uniqueRules(changed.rules), generation: before.generation + 1 };
    const state = readCageState(context, name);
    const generation = await egressGeneration(context, spec);
    const hash = generationHash(generation);
    const views = (concerned.length === 0 ? spec.rules : concerned).map(viewRule);
    // First on disk, where it can fail; rules that are in force and not stored would be lost with the next restart.
    writeSpec(context, spec);
    if (state.phase !== 'running') return { generation: spec.generation, hash, confirmed: false, rules: views };
    try {
      await applyGeneration(context, name, generation, hash);
    } catch (error) {
      // The number stays used: an egress whose answer was lost may serve it.
      writeSpec(context, { ...before, generation: spec.generation });
      throw error;
    }
    noteCageState(context, name, { ...state, generation: spec.generation, hash });
    const listened = listenedPorts(before);
    if (listenedPorts(spec).some((port) => !listened.includes(port))) {
      context.progress(`a rule names a port that the running cage does not listen on yet: ironcage restart ${name}`);
    }
    return { generation: spec.generation, hash, confirmed: true, rules: views };
  });
}

/** Throws E_EGRESS unless the egress says that it serves exactly this. */
async function applyGeneration(
  context: Context,
  name: string,
  generation: EgressGeneration,
  hash: string,
): Promise<void> {
  const answer = await sendControl(controlSocket(context, name), { op: 'apply', generation }, CONTROL_TIMEOUT_MS);
  if (answer.ok && answer.generation === generation.generation && answer.hash === hash) return;
  throw new IronError('E_EGRESS', {
    message: 'the egress did not take the new rules; the old ones stay in force',
    because: answer.ok ? `it reports generation ${answer.generation}` : answer.message,
    hint: `try again, or restart the cage: ironcage restart ${name}`,
  });
}

export function controlSocket(context: Context, name: string): string {
  return join(cagePaths(context, name).egress.control, 'control.sock');
}

/** The egress's own answer, or undefined when none runs or it does not answer. */
async function askEgress(context: Context, name: string): Promise<ControlAnswer | undefined> {
  if (stateHealth(readCageState(context, name)) !== 'running') return undefined;
  try {
    return await sendControl(controlSocket(context, name), { op: 'status' }, CONTROL_TIMEOUT_MS);
  } catch {
    // It does not answer: for the asker that is the same as not confirmed.
    return undefined;
  }
}

/** What would happen to this request, and which rule decides. Nothing is sent. */
export async function policyTest(
  context: Context,
  name: string,
  method: string,
  url: string,
): Promise<Decision & { method: string; url: string }> {
  const spec = await readSpec(context, name);
  const parsed = exchangeFromUrl(method, url);
  if (!parsed.ok)
    throw new IronError('E_USAGE', {
      message: `${JSON.stringify(url)}: ${parsed.reason}`,
      hint: 'example: ironcage policy test GET https://registry.npmjs.org/left-pad',
    });
  const bindings = (await egressGeneration(context, spec)).bindings;
  const circumstances = { bindings, nowMs: context.clock.now(), usage: () => NO_USAGE };
  return { method, url, ...decide(cagePolicy(spec), parsed.exchange, circumstances) };
}
