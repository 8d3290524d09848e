// Rules as rows of a table: the same in `show` and in `policy show`.
import type { RuleView } from './library.ts';
import type { Span } from './span.ts';

/** One row a rule: effect, rule as it would be typed, id, origin, whether it has expired, reason. */
export function ruleRows(rules: readonly RuleView[]): Span[][] {
  return rules.map((rule) => [
    rule.effect === 'allow' ? ['green', '  allow'] : ['red', '  deny'],
    rule.text,
    ['dim', rule.id],
    ['dim', rule.origin],
    ['yellow', rule.expired === true ? 'expired' : ''],
    rule.reason ?? '',
  ]);
}
