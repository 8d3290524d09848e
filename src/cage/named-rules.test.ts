import { expect, test } from 'vitest';
import { parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { namedRules } from './named-rules.ts';

function rulesOf(effect: Rule['effect'], ...texts: string[]): Rule[] {
  return texts.flatMap((text) => {
    const parsed = parseRule(text, { effect, origin: 'user', nowMs: 0, sharedSuffix: () => undefined });
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.rules;
  });
}

const rules = [
  ...rulesOf('allow', 'npm', 'api.example.com max-body=1MB rpm=5', '**.example.com', 'both.example.com'),
  ...rulesOf('deny', 'crates', 'both.example.com'),
];
const ids = (word: string) => namedRules(rules, word).map(({ id }) => id);

test('the name of a bundle means all of its rules and no other', () => {
  expect(ids('npm')).toEqual(rules.filter(({ origin }) => origin === 'bundle').map(({ id }) => id));
  expect(ids('npm').length).toBeGreaterThan(3);
  expect(ids('crates').every((id) => id.startsWith('deny:crates:'))).toBe(true);
  expect(ids('crates')).not.toEqual([]);
  expect(ids('pypi')).toEqual([]);
});

test('a repository that is taken away cannot be pushed to any more', () => {
  const both = rulesOf('allow', 'github:o/r:push=main', 'github:o/r2');
  const left = both.filter((rule) => !namedRules(both, 'github:o/r').includes(rule));
  expect(left).toEqual(rulesOf('allow', 'github:o/r2'));
  expect(left).not.toEqual([]);
});

test.each([
  ['its id', 'allow:api.example.com max-body=1MB'],
  ['its text', 'api.example.com max-body=1MB rpm=5'],
  ['another spelling', 'https://API.example.com:443/** max-body=1MB'],
])('one rule is meant by %s', (_, word) => {
  expect(ids(word)).toEqual(['allow:api.example.com max-body=1MB']);
});

test('a rule that says something else about which requests are meant is not the same', () => {
  for (const word of ['api.example.com', 'GET api.example.com max-body=1MB', 'no rule at all', ''])
    expect(ids(word)).toEqual([]);
});

test('a word that means an allow rule and a deny rule is refused, each id says which', () => {
  expect(() => ids('both.example.com')).toThrow(/both allowed and denied/);
  expect(ids('deny:both.example.com')).toEqual(['deny:both.example.com']);
  expect(ids('allow:both.example.com')).toEqual(['allow:both.example.com']);
});
