// Rules that contradict each other: what was written and can never have an effect, so that nobody relies on it. Reports only
// what is certain; two rules that overlap in part are an ordinary policy.
import { coversRule } from './covers.ts';
import type { Rule } from './types.ts';

export interface Contradiction {
  /** The rule that has no effect or stands against the other. Positions in the list that was looked at. */
  at: number;
  other: number;
  kind: 'same' | 'opposite' | 'denied' | 'shadowed' | 'redundant';
  /** Whether the user must choose; else it does no harm. */
  isError: boolean;
  message: string;
  suggestion: string;
}

export function findContradictions(rules: readonly Rule[]): Contradiction[] {
  const byHost = new Map<string, Placed[]>();
  for (const [at, rule] of rules.entries()) {
    const sameHost = byHost.get(rule.host);
    if (sameHost === undefined) byHost.set(rule.host, [{ rule, at }]);
    else sameHost.push({ rule, at });
  }
  return rules.flatMap((rule, at) => firstContradiction({ rule, at }, byHost) ?? []);
}

/** One report a rule: what else is wrong with it shows once that is repaired. */
function firstContradiction(placed: Placed, byHost: ReadonlyMap<string, readonly Placed[]>): Contradiction | undefined {
  // By host, since a file of tens of thousands of rules is not compared pair by pair.
  const near = patternsAround(placed.rule.host).flatMap((host) => byHost.get(host) ?? []);
  for (const other of near.toSorted((one, two) => one.at - two.at)) {
    const contradiction = other.at === placed.at ? undefined : compare(placed, other);
    if (contradiction !== undefined) return contradiction;
  }
  return undefined;
}

/** The host itself, and every wildcard that may cover it. */
function patternsAround(host: string): string[] {
  const labels = host.replace(/^\*{1,2}\./, '').split('.');
  const wildcards = labels.flatMap((_, index) => {
    const name = labels.slice(index).join('.');
    return [`*.${name}`, `**.${name}`];
  });
  return [...new Set([host, ...wildcards])];
}

interface Placed {
  rule: Rule;
  at: number;
}

function compare({ rule, at }: Placed, { rule: other, at: otherAt }: Placed): Contradiction | undefined {
  const place = { at, other: otherAt };
  if (rule.effect === 'allow' && other.effect === 'deny') {
    if (!coversRule(other, rule)) return undefined;
    const suggestion = 'take one of the two away: a deny rule wins over every allow rule';
    return coversRule(rule, other)
      ? { ...place, kind: 'opposite', isError: true, message: 'the same requests are allowed and denied', suggestion }
      : { ...place, kind: 'denied', isError: true, message: 'never applies: a deny rule covers all of it', suggestion };
  }
  if (rule.effect !== other.effect || otherAt > at || !coversRule(other, rule)) return undefined;
  if (sameTerms(rule, other)) {
    const message = coversRule(rule, other) ? 'is written twice' : 'adds nothing: an earlier rule covers it';
    const kind = coversRule(rule, other) ? 'same' : 'redundant';
    return { ...place, kind, isError: kind === 'same', message, suggestion: 'take it away' };
  }
  return {
    ...place,
    kind: 'shadowed',
    isError: true,
    message: 'never applies: an earlier rule covers it and says something else about the same requests',
    suggestion: 'put the narrower rule first: the first allow rule that matches decides',
  };
}

/** Whether two rules say the same about the requests that they match. */
function sameTerms(one: Rule, other: Rule): boolean {
  return termsOf(one) === termsOf(other);
}

function termsOf({ effect, private: isPrivate, budget, secrets, pushRefs }: Rule): string {
  const { requestsPerMinute, requestsPerDay, bytesPerMinute, bytesPerDay } = budget ?? {};
  const bounds = [requestsPerMinute, requestsPerDay, bytesPerMinute, bytesPerDay].map((bound) => bound ?? 'any');
  return JSON.stringify([effect, isPrivate === true, bounds, secrets ?? 'any', pushRefs ?? 'any']);
}
