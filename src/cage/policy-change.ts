// The rules of a cage as commands show, add, take away and try them.
import { sendControl } from '../egress/client.ts';
import type { ControlAnswer } from '../egress/config.ts';
import { generationHash } from '../egress/generation.ts';
import { explain, inOrder, type ConsideredRule } from '../policy/explain.ts';
import { NO_USAGE } from '../policy/inspector.ts';
import { parseSize } from '../policy/quantities.ts';
import { DEFAULT_INSPECTION, type Decision, type InspectionSettings, type Rule } from '../policy/types.ts';
import { IronError } from '../platform/errors.ts';
import { controlSocket, CONTROL_TIMEOUT_MS } from './confirm-policy.ts';
import type { Context } from './context.ts';
import { refuseIdleRules } from './idle-rules.ts';
import { changePolicy, viewRules, type PolicyChange, type RuleView } from './live-policy.ts';
import { namedRules } from './named-rules.ts';
import { refuseRulesOfOpen } from './open-net.ts';
import { cagePolicy, egressGeneration } from './policy.ts';
import { stateHealth } from './repair.ts';
import { readRules } from './rule-input.ts';
import type { CageSpec } from './spec.ts';
import { refuseUnboundSecrets } from './unbound-secrets.ts';
import { readCageState, readSpec } from './store.ts';

export interface PolicyView {
  mode: CageSpec['net'];
  /** How bodies and heads are looked into beyond what is always refused. */
  inspection: InspectionSettings;
  /** Inspectors of the user's own, in the order in which they are asked. */
  inspectors: readonly string[];
  generation: number;
  hash: string;
  /** Whether a running egress serves exactly this generation; false for a stopped cage. */
  confirmed: boolean;
  rules: readonly RuleView[];
}

export async function policyShow(context: Context, name: string): Promise<PolicyView> {
  const spec = await readSpec(context, name);
  const hash = generationHash(await egressGeneration(context, spec));
  // An open cage has nobody who could confirm anything.
  const answer = spec.net === 'open' ? undefined : await askEgress(context, name);
  const confirmed = answer?.ok === true && answer.generation === spec.generation && answer.hash === hash;
  const { net: mode, generation, inspection = DEFAULT_INSPECTION } = spec;
  const inspectors = spec.inspectors.map((inspector) => inspector.name);
  return { mode, inspection, inspectors, generation, hash, confirmed, rules: viewRules(context, inOrder(spec.rules)) };
}

/** Adds allow rules; a rule with an id that is there already replaces it. Throws E_RULE for one that could never apply. */
export async function policyAllow(context: Context, name: string, texts: readonly string[]): Promise<PolicyChange> {
  return policyAdd(context, name, await readRules(context, 'allow', texts));
}

/** Adds deny rules. What they take from allow rules is told; they are never refused. */
export async function policyDeny(context: Context, name: string, texts: readonly string[]): Promise<PolicyChange> {
  return policyAdd(context, name, await readRules(context, 'deny', texts));
}

/** Adds what a file of rules holds, and has its settings of inspectors count. Throws E_USAGE that names every mistake in it. */
export async function policyAddFile(context: Context, name: string, path: string): Promise<PolicyChange> {
  const { readPolicyFiles } = await import('./policy-sources.ts');
  const { rules, inspection } = await readPolicyFiles(context, [path]);
  return policyAdd(context, name, rules, inspection);
}

async function policyAdd(
  context: Context,
  name: string,
  added: readonly Rule[],
  inspection: Partial<InspectionSettings> = {},
): Promise<PolicyChange> {
  const settings = (before: CageSpec) =>
    Object.keys(inspection).length === 0
      ? {}
      : { inspection: { ...(before.inspection ?? DEFAULT_INSPECTION), ...inspection } };
  return changePolicy(
    context,
    name,
    (before) => {
      const replaced = new Set(added.map(({ id }) => id));
      const rules = [...before.rules.filter(({ id }) => !replaced.has(id)), ...added];
      refuseUnboundSecrets(before, added);
      refuseIdleRules(context, rules, added);
      return { rules, ...settings(before) };
    },
    added,
  );
}

/** `word`: an id, a rule as it would be typed, or a bundle. Throws E_RULE for what means no rule, or an allow and a deny rule. */
export async function policyRemove(context: Context, name: string, word: string): Promise<PolicyChange> {
  return changePolicy(context, name, ({ rules }) => {
    const named = namedRules(rules, word);
    if (named.length === 0) {
      throw new IronError('E_RULE', {
        message: `cage ${name} has no rule ${JSON.stringify(word)}`,
        hint: `\`ironcage policy show ${name}\` lists the rules with their ids`,
      });
    }
    const gone = new Set(named);
    return { rules: rules.filter((rule) => !gone.has(rule)) };
  });
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

function readSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new IronError('E_USAGE', {
    message: `--size cannot be ${JSON.stringify(text)}`,
    hint: 'write a number of bytes, or a size such as 64KiB or 1MB',
  });
}

/** What would happen to this request, which rule decides, and what was looked at before. Nothing is sent. */
export async function policyTest(
  context: Context,
  name: string,
  method: string,
  url: string,
  body: { type?: string | undefined; size?: string | undefined } = {},
): Promise<Decision & { method: string; url: string; considered: readonly ConsideredRule[] }> {
  const spec = await readSpec(context, name);
  refuseRulesOfOpen(spec);
  const bindings = (await egressGeneration(context, spec)).bindings;
  const circumstances = { bindings, nowMs: context.clock.now(), usage: () => NO_USAGE };
  const sketched = { type: body.type, bytes: readSize(body.size) };
  const explanation = explain(cagePolicy(spec), method, url, circumstances, sketched);
  if (!explanation.ok) {
    throw new IronError('E_USAGE', {
      message: `${JSON.stringify(url)}: ${explanation.reason}`,
      hint: 'example: ironcage policy test GET https://registry.npmjs.org/left-pad',
    });
  }
  return { method, url, ...explanation.decision, considered: explanation.considered };
}
