import { expect, test } from 'vitest';
import { parseRule } from '../policy/rules.ts';
import type { Rule } from '../policy/types.ts';
import { refuseIdleRules, tellIdleRules } from './idle-rules.ts';

const rule = (text: string, effect: Rule['effect'] = 'allow'): Rule => {
  const parsed = parseRule(text, { effect, origin: 'user', nowMs: 0, sharedSuffix: (name) => name });
  const [read] = parsed.ok ? parsed.rules : [];
  if (read === undefined) throw new Error(`${text} is no rule`);
  return read;
};

function told(run: (context: { progress: (text: string) => void }) => void): string[] {
  const lines: string[] = [];
  run({ progress: (text) => lines.push(text) });
  return lines;
}

const wide = rule('a.example');
const narrow = rule('a.example/x');
const bounded = rule('a.example/x rpm=1');
const denial = rule('a.example', 'deny');

test.each<[string, Rule[], Rule[], RegExp]>([
  [
    'a denial that is there',
    [denial, narrow],
    [narrow],
    /allow a\.example\/x: never applies: a deny rule covers all of it/,
  ],
  ['an earlier rule without its bound', [wide, bounded], [bounded], /never applies: an earlier rule covers it/],
  ['a denial that comes with it', [narrow, denial], [narrow, denial], /never applies/],
])('an allowance that %s leaves without effect is refused', (_, rules, added, message) => {
  expect(told((context) => expect(() => refuseIdleRules(context, rules, added)).toThrow(message))).toEqual([]);
});

test('all rules without effect are named at once', () => {
  const other = rule('a.example/y');
  const add = () => refuseIdleRules({ progress: () => undefined }, [denial, narrow, other], [narrow, other]);
  expect(add).toThrow(/a\.example\/x: never.*a\.example\/y: never/);
});

test.each<[string, Rule[], Rule[], string]>([
  ['a rule that is there has to go', [wide, bounded], [bounded], "ironcage policy rm 'allow:a.example'"],
  ['a denial that is there has to go', [denial, narrow], [narrow], "ironcage policy rm 'deny:a.example'"],
  ['rules that come together change places', [wide, bounded], [wide, bounded], 'put the narrower rule first'],
])('the hint says what helps: %s', (_, rules, added, hint) => {
  const add = () => refuseIdleRules({ progress: () => undefined }, rules, added);
  expect(add).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) }));
});

test('what a denial takes away, and what is superfluous, is told and not refused', () => {
  expect(told((context) => refuseIdleRules(context, [narrow, denial], [denial]))).toEqual([
    'allow a.example/x: never applies: a deny rule covers all of it (deny a.example)',
  ]);
  expect(told((context) => refuseIdleRules(context, [wide, narrow], [narrow]))).toEqual([
    'allow a.example/x: adds nothing: an earlier rule covers it (allow a.example)',
  ]);
  expect(told((context) => refuseIdleRules(context, [wide, narrow], []))).toEqual([]);
});

test('of rules from elsewhere, those are told that keep a named rule from applying', () => {
  expect(told((context) => tellIdleRules(context, [wide, bounded, denial], [bounded]))).toHaveLength(1);
  expect(told((context) => tellIdleRules(context, [wide, narrow], [narrow]))).toEqual([]);
  expect(told((context) => tellIdleRules(context, [wide, denial], []))).toEqual([]);
});
