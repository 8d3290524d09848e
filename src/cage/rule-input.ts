// Rules as users type them, on their way into a policy: every mistake at once, each with what to write instead.
import { IronError } from '../platform/errors.ts';
import type { RuleStance } from '../policy/compose-rule.ts';
import { parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import type { Context } from './context.ts';

/** What rules are read by. The list of shared names costs milliseconds and is loaded only where a wildcard asks for it. */
export async function ruleStance(
  context: Pick<Context, 'clock'>,
  effect: Rule['effect'],
  texts: readonly string[],
): Promise<RuleStance> {
  const sharedSuffix = texts.some((text) => text.includes('*'))
    ? (await import('../policy/suffixes.ts')).sharedSuffix
    : (name: string): string => name;
  return { effect, origin: 'user', nowMs: context.clock.now(), sharedSuffix };
}

/** Throws E_RULE that names every text that is no rule. */
export async function readRules(
  context: Pick<Context, 'clock'>,
  effect: Rule['effect'],
  texts: readonly string[],
): Promise<Rule[]> {
  const stance = await ruleStance(context, effect, texts);
  const rules: Rule[] = [];
  const faults: { message: string; hint: string }[] = [];
  for (const text of texts) {
    const result = parseRule(text, stance);
    if (result.ok) rules.push(...result.rules);
    else faults.push({ message: `${JSON.stringify(text)} is no rule: ${result.message}`, hint: result.suggestion });
  }
  if (faults.length === 0) return rules;
  throw new IronError('E_RULE', {
    message: faults.map(({ message }) => message).join('; '),
    hint:
      faults.flatMap(({ hint }) => (hint === '' ? [] : [hint])).join('; ') ||
      'rules look like: registry.npmjs.org, *.example.com, host:8443, "GET host/path/**", npm',
  });
}
