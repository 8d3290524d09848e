// Whether rules, by themselves, match a request that waits: an answer must not add a rule that answers something else. Pure.
import type { HeldRequest } from '../egress/config.ts';
import { ruleMatches } from '../policy/matching.ts';
import type { Exchange, Rule } from '../policy/types.ts';

export function letsPass(rules: readonly Rule[], held: HeldRequest, nowMs: number): boolean {
  const { protocol, scheme, method, host, port, path, query, contentType, contentLength } = held;
  const headers: Exchange['headers'] = contentType === undefined ? [] : [['content-type', contentType]];
  const exchange: Exchange = { protocol, scheme, method, host, port, path, query, headers, contentLength };
  return rules.some((rule) => rule.effect === 'allow' && ruleMatches(rule, exchange, nowMs));
}
