import { expect, test } from 'vitest';
import { parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { withRules } from './create.ts';

function rules(...texts: string[]): Rule[] {
  return texts.flatMap((text) => {
    const parsed = parseRule(text, { effect: 'allow', origin: 'user', nowMs: 0, sharedSuffix: () => undefined });
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.rules;
  });
}

test('a rule that is named again with other terms takes the place of the first, and the order stays', () => {
  const before = rules('a.example expires=1970-01-02', 'b.example');
  const after = withRules(before, rules('c.example', 'a.example rpm=5'));
  expect(after).toEqual(rules('a.example rpm=5', 'b.example', 'c.example'));
});

test('rules that are named again as they are change nothing', () => {
  const before = rules('npm', 'a.example');
  expect(withRules(before, rules('a.example', 'npm'))).toEqual(before);
});

test('a bundle that an agent brings ends when the user says so', () => {
  const [first] = withRules(rules('npm'), rules('npm expires=1970-01-02'));
  expect(first?.expires).toBe('1970-01-02T00:00:00.000Z');
});
