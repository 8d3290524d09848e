// The user's rules: every deny rule first, then allow rules, each in list order, and the first that matches decides. What
// no rule names is refused, held for an answer, or let pass and recorded, as the mode says.
import type { Finding, Inspector } from '../inspector.ts';
import { ruleMatches } from '../matching.ts';
import { removalOf, remedyFor } from '../remedy.ts';
import type { Exchange, Policy } from '../types.ts';

export const rules: Inspector = {
  name: 'rules',
  inspect(exchange, { policy, nowMs }) {
    if (!isKnownMode(policy.mode)) throw new Error('the policy has an unknown mode');
    if (policy.mode === 'none') {
      return { action: 'deny', rule: '<none>', reason: 'this cage has no network (--net none)', remedy: '' };
    }
    for (const rule of policy.rules) {
      if (!isKnownEffect(rule.effect)) throw new Error('a rule has an unknown effect');
      if (rule.effect === 'deny' && ruleMatches(rule, exchange, nowMs)) {
        return { action: 'deny', rule: rule.id, reason: `refused by the rule ${rule.id}`, remedy: removalOf(rule) };
      }
    }
    const matched = policy.rules.find((rule) => rule.effect === 'allow' && ruleMatches(rule, exchange, nowMs));
    if (matched !== undefined) return { action: 'pass', reason: `matches ${matched.id}`, matched };
    return withoutRule(policy.mode, exchange);
  },
};

function withoutRule(mode: Exclude<Policy['mode'], 'none'>, exchange: Exchange): Finding {
  const remedy = remedyFor(exchange);
  switch (mode) {
    case 'filtered':
      return { action: 'deny', rule: '<default-deny>', reason: 'no rule allows this request', remedy };
    case 'ask': {
      const reason = 'no rule speaks about this request, and the cage asks (--net ask)';
      return { action: 'open', decision: 'ask', reason, remedy };
    }
    case 'learn': {
      const reason = 'no rule speaks about this request, and the cage learns (--net learn)';
      return { action: 'open', decision: 'learn', reason, remedy };
    }
    default:
      mode satisfies never;
      throw new Error('the policy has an unknown mode');
  }
}

const MODES: readonly string[] = ['filtered', 'ask', 'learn', 'none'] satisfies Policy['mode'][];

/** The policy comes as JSON, perhaps from a newer version: under a mode that is not known, no rule allows anything. */
function isKnownMode(mode: string): boolean {
  return MODES.includes(mode);
}

/** An effect from a newer version must not be skipped as if it were no deny rule. */
function isKnownEffect(effect: string): boolean {
  return effect === 'allow' || effect === 'deny';
}
