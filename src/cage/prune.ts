// `policy prune`: grants that nothing has used for a while, and those that have expired. Deny rules stay: they protect best
// where nobody tries. Says nothing of a rule whose time the record does not cover.
import { isDeepStrictEqual } from 'node:util';
import { isRequest } from '../audit/is-request.ts';
import { readAudit } from '../audit/read.ts';
import { findBundle } from '../policy/bundles.ts';
import { isExpired } from '../policy/expiry.ts';
import { formatRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { agentProfile } from './agent-profiles.ts';
import type { Context } from './context.ts';
import { agentRules } from './create.ts';
import { changePolicy, type PolicyChange } from './live-policy.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readSpec } from './store.ts';

export interface Prunable {
  /** A rule as it would be typed, or the name of a bundle. */
  text: string;
  /** Ids of the rules that would go. */
  ids: readonly string[];
  /** Those rules as they were looked at. */
  rules: readonly Rule[];
  reason: 'expired' | 'unused';
}

export interface PrunePlan {
  cage: string;
  sinceMs: number;
  prunable: readonly Prunable[];
  /** Whether the record reaches back that far; if not, nothing is called unused. */
  covered: boolean;
}

/** What could go: expired grants, and grants that decided nothing since `sinceMs`. Changes nothing. */
export async function planPrune(context: Context, name: string, sinceMs: number): Promise<PrunePlan> {
  const spec = await readSpec(context, name);
  const nowMs = context.clock.now();
  const { used, covered } = await usedSince(context, spec, sinceMs);
  const agent = spec.agent === undefined ? undefined : await agentProfile(context, spec.agent);
  const needed = new Set(agentRules(agent, spec.net).map(({ id }) => id));
  const prunable = groups(spec.rules).flatMap(({ text, rules }): Prunable[] => {
    const ids = rules.map(({ id }) => id);
    if (rules.every(({ expires }) => expires !== undefined && isExpired(expires, nowMs)))
      return [{ text, ids, rules, reason: 'expired' }];
    if (!covered || ids.some((id) => used.has(id) || needed.has(id))) return [];
    return [{ text, ids, rules, reason: 'unused' }];
  });
  return { cage: name, sinceMs, prunable, covered };
}

/** Takes away what a plan names. What has got other terms since, under the same ids, is something else and stays whole. */
export function prunePolicy(context: Context, name: string, { prunable }: PrunePlan): Promise<PolicyChange> {
  return changePolicy(context, name, (before) => {
    const gone = new Set(prunable.flatMap((group) => presentRules(before.rules, group.rules)));
    return { rules: before.rules.filter((rule) => !gone.has(rule)) };
  });
}

/** The planned rules among those that there are now; none where one of them is no longer as it was. */
function presentRules(rules: readonly Rule[], planned: readonly Rule[]): Rule[] {
  const present = rules.filter((rule) => planned.some((one) => isDeepStrictEqual(one, rule)));
  return present.length === planned.length ? present : [];
}

/** Allow rules, those of one bundle together: half a bundle is a bundle that fails where nobody expects it. */
function groups(rules: readonly Rule[]): { text: string; rules: Rule[] }[] {
  const found = new Map<string, { text: string; rules: Rule[] }>();
  for (const rule of rules) {
    if (rule.effect !== 'allow') continue;
    const bundle = rule.origin === 'bundle' ? bundleName(rule.id) : undefined;
    const key = bundle ?? `rule ${rule.id}`;
    const group = found.get(key) ?? { text: bundle ?? formatRule(rule), rules: [] };
    group.rules.push(rule);
    found.set(key, group);
  }
  return [...found.values()];
}

/** The ids of a bundle's rules begin with its name, which may hold colons itself. */
function bundleName(id: string): string | undefined {
  const parts = id.split(':');
  for (let length = 1; length < parts.length; length++) {
    const name = parts.slice(0, length).join(':');
    if (findBundle(name)?.rules.some((rule) => rule.id === id) === true) return name;
  }
  return undefined;
}

async function usedSince(
  context: Context,
  spec: CageSpec,
  sinceMs: number,
): Promise<{ used: Set<string>; covered: boolean }> {
  const used = new Set<string>();
  let first: { seq: number; timeMs: number } | undefined;
  for await (const record of readAudit(cagePaths(context, spec.name).egress.audit)) {
    const timeMs = Date.parse(record.time);
    first ??= { seq: record.seq, timeMs };
    if (timeMs >= sinceMs && isRequest(record)) used.add(record.rule);
  }
  // A record that begins with its first line is whole, so that silence before it means that nothing happened.
  const isWhole = first === undefined || first.seq === 1 || first.timeMs <= sinceMs;
  return { used, covered: isWhole && Date.parse(spec.createdAt) <= sinceMs };
}
