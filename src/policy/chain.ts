// May it pass? The whole order of judgement is CHAIN. Every inspector is heard; the first denial decides; an exchange passes
// only when nobody denied it and an allow rule was named, or the policy learns. A throw is a denial.
import type { Circumstances, Finding, InspectionContext, Inspector } from './inspector.ts';
import { addressLiteral } from './inspectors/address-literal.ts';
import { budget } from './inspectors/budget.ts';
import { credential } from './inspectors/credential.ts';
import { doh } from './inspectors/doh.ts';
import { method } from './inspectors/method.ts';
import { placeholder } from './inspectors/placeholder.ts';
import { ruleSecrets } from './inspectors/rule-secrets.ts';
import { rules } from './inspectors/rules.ts';
import { signature } from './inspectors/signature.ts';
import { size } from './inspectors/size.ts';
import type { Decision, Exchange, InspectorNote, Policy } from './types.ts';

export const CHAIN: readonly Inspector[] = [
  addressLiteral,
  rules,
  method,
  budget,
  placeholder,
  ruleSecrets,
  credential,
  signature,
  doh,
  size,
];

type Denial = Extract<Finding, { action: 'deny' }>;
type Opening = Extract<Finding, { action: 'open' }>;

export function decide(
  policy: Policy,
  exchange: Exchange,
  { bindings, nowMs, usage }: Circumstances,
  chain: readonly Inspector[] = CHAIN,
): Decision {
  const inspectors: InspectorNote[] = [];
  const denials: Denial[] = [];
  const context: InspectionContext = { policy, bindings, nowMs, usage, matched: undefined };
  let opening: Opening | undefined;
  for (const inspector of chain) {
    const finding = inspectSafely(inspector, exchange, context);
    if (finding === undefined) continue;
    inspectors.push({ name: inspector.name, action: noteOf(finding), reason: finding.reason });
    if (finding.action === 'deny') denials.push(finding);
    else if (finding.action === 'pass') context.matched ??= finding.matched;
    else if (finding.action === 'open') opening ??= finding;
  }
  const { matched } = context;
  const [denial] = denials;
  if (denial !== undefined) {
    // A remedy is offered only where it would be enough for every denial.
    const remedy = denials.every((other) => other.remedy === denial.remedy) ? denial.remedy : '';
    return { decision: 'deny', rule: denial.rule, reason: denial.reason, remedy, inspectors, private: false };
  }
  if (matched !== undefined) {
    const reason = `allowed by the rule ${matched.id}`;
    const isPrivate = matched.private === true;
    return { decision: 'allow', rule: matched.id, reason, remedy: '', inspectors, private: isPrivate, matched };
  }
  return withoutRule(opening, inspectors);
}

function withoutRule(opening: Opening | undefined, inspectors: readonly InspectorNote[]): Decision {
  if (opening === undefined) {
    const reason = 'no rule allows this request';
    return { decision: 'deny', rule: '<default-deny>', reason, remedy: '', inspectors, private: false };
  }
  const { reason, remedy } = opening;
  switch (opening.decision) {
    case 'ask':
      return { decision: 'ask', rule: '<ask>', reason, remedy, inspectors, private: false };
    case 'learn':
      return { decision: 'allow', rule: '<learn>', reason, remedy, inspectors, private: false };
    default:
      opening.decision satisfies never;
      throw new Error('a finding opens in an unknown way');
  }
}

function noteOf(finding: Finding): InspectorNote['action'] {
  return finding.action === 'open' ? 'note' : finding.action;
}

function inspectSafely(inspector: Inspector, exchange: Exchange, context: InspectionContext): Finding | undefined {
  try {
    return inspector.inspect(exchange, context);
  } catch {
    // The error's text may quote the exchange; the name of the inspector is enough to find the fault.
    return { action: 'deny', rule: '<error>', reason: `the inspector ${inspector.name} failed`, remedy: '' };
  }
}
