import { expect, test } from 'vitest';
import { contextOf, exchangeOf, ruleOf } from '../../../test/support/exchange.ts';
import type { Policy, Rule } from '../types.ts';
import { rules } from './rules.ts';

const look = (mode: Policy['mode'], list: readonly Rule[]) =>
  rules.inspect(exchangeOf({ path: '/x' }), contextOf({ policy: { mode, rules: list } }));

test.each<[string, Policy['mode'], readonly Rule[], object]>([
  ['nothing', 'filtered', [], { action: 'deny', rule: '<default-deny>' }],
  ['nothing, where it asks', 'ask', [], { action: 'open', decision: 'ask' }],
  ['nothing, where it learns', 'learn', [], { action: 'open', decision: 'learn' }],
  ['an allow rule, where there is no network', 'none', [ruleOf()], { action: 'deny', rule: '<none>' }],
  ['an allow rule', 'filtered', [ruleOf()], { action: 'pass', matched: { id: 'r' } }],
  ['two allow rules', 'filtered', [ruleOf({ id: '1' }), ruleOf({ id: '2' })], { matched: { id: '1' } }],
  [
    'a deny rule behind an allow rule',
    'filtered',
    [ruleOf(), ruleOf({ id: 'no', effect: 'deny' })],
    { action: 'deny', rule: 'no' },
  ],
  ['a deny rule, where it learns', 'learn', [ruleOf({ id: 'no', effect: 'deny' })], { action: 'deny', rule: 'no' }],
  ['a deny rule for another path', 'filtered', [ruleOf({ effect: 'deny', path: '/y' }), ruleOf()], { action: 'pass' }],
])('%s', (_, mode, list, finding) => {
  expect(look(mode, list)).toMatchObject(finding);
});

test.each([
  ['mode', { mode: 'open', rules: [] }],
  ['effect', { mode: 'filtered', rules: [{ ...ruleOf(), effect: 'warn' }, ruleOf()] }],
])('an unknown %s is no policy to judge by', (_, stored) => {
  const policy: Policy = JSON.parse(JSON.stringify(stored));
  expect(() => rules.inspect(exchangeOf(), contextOf({ policy }))).toThrow('unknown');
});
