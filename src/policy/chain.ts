// May it pass? The whole order of judgement is CHAIN. Every inspector is heard; the first denial decides; an exchange passes
// only when nobody denied it and an allow rule was named. A throw is a denial.
import type { Finding, InspectionContext, Inspector } from './inspector.ts';
import { addressLiteral } from './inspectors/address-literal.ts';
import { credential } from './inspectors/credential.ts';
import { method } from './inspectors/method.ts';
import { placeholder } from './inspectors/placeholder.ts';
import { rules } from './inspectors/rules.ts';
import { size } from './inspectors/size.ts';
import type { Decision, Exchange, InspectorNote, PlaceholderBinding, Policy, Rule } from './types.ts';

export const CHAIN: readonly Inspector[] = [addressLiteral, rules, method, placeholder, credential, size];

type Denial = Extract<Finding, { action: 'deny' }>;

export function decide(
  policy: Policy,
  exchange: Exchange,
  context: { bindings: readonly PlaceholderBinding[] },
  chain: readonly Inspector[] = CHAIN,
): Decision {
  const notes: InspectorNote[] = [];
  const denials: Denial[] = [];
  let matched: Rule | undefined;
  for (const inspector of chain) {
    const finding = inspectSafely(inspector, exchange, { policy, bindings: context.bindings });
    if (finding === undefined) continue;
    notes.push({ name: inspector.name, action: finding.action, reason: finding.reason });
    if (finding.action === 'deny') denials.push(finding);
    else if (finding.action === 'pass') matched ??= finding.matched;
  }
  const [denial] = denials;
  if (denial !== undefined) {
    // A remedy is offered only where it would be enough for every denial.
    const remedy = denials.every((other) => other.remedy === denial.remedy) ? denial.remedy : '';
    return { decision: 'deny', rule: denial.rule, reason: denial.reason, remedy, inspectors: notes, private: false };
  }
  if (matched === undefined) {
    const reason = 'no rule allows this request';
    return { decision: 'deny', rule: '<default-deny>', reason, remedy: '', inspectors: notes, private: false };
  }
  return {
    decision: 'allow',
    rule: matched.id,
    reason: `allowed by the rule ${matched.id}`,
    remedy: '',
    inspectors: notes,
    private: matched.private === true,
  };
}

function inspectSafely(inspector: Inspector, exchange: Exchange, context: InspectionContext): Finding | undefined {
  try {
    return inspector.inspect(exchange, context);
  } catch {
    // The error's text may quote the exchange; the name of the inspector is enough to find the fault.
    return { action: 'deny', rule: '<error>', reason: `the inspector ${inspector.name} failed`, remedy: '' };
  }
}
