// The user's rules: every deny rule first, then allow rules, each in list order; what no rule names is refused.
import type { Finding, Inspector } from '../inspector.ts';
import { ruleMatches } from '../matching.ts';
import { removalOf, remedyFor } from '../remedy.ts';
import type { Policy } from '../types.ts';

export const rules: Inspector = {
  name: 'rules',
  inspect(exchange, { policy }) {
    const closed = refuseByMode(policy.mode);
    if (closed !== undefined) return closed;
    for (const rule of policy.rules) {
      if (!isKnownEffect(rule.effect)) throw new Error('a rule has an unknown effect');
      if (rule.effect === 'deny' && ruleMatches(rule, exchange)) {
        return { action: 'deny', rule: rule.id, reason: `refused by the rule ${rule.id}`, remedy: removalOf(rule) };
      }
    }
    const matched = policy.rules.find((rule) => rule.effect === 'allow' && ruleMatches(rule, exchange));
    if (matched !== undefined) return { action: 'pass', reason: `matches ${matched.id}`, matched };
    const reason = 'no rule allows this request';
    return { action: 'deny', rule: '<default-deny>', reason, remedy: remedyFor(exchange) };
  },
};

function refuseByMode(mode: Policy['mode']): Finding | undefined {
  switch (mode) {
    case 'filtered':
    case 'ask':
    case 'learn':
      return undefined;
    case 'none':
      return { action: 'deny', rule: '<none>', reason: 'this cage has no network (--net none)', remedy: '' };
    default:
      mode satisfies never;
      throw new Error('the policy has an unknown mode');
  }
}

/** The policy comes as JSON: an effect from a newer version must not be skipped as if it were no deny rule. */
function isKnownEffect(effect: string): boolean {
  return effect === 'allow' || effect === 'deny';
}
