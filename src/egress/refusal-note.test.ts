import { expect, test } from 'vitest';
import { Refusal } from './refusal.ts';
import { refusalNote, withRefusal } from './refusal-note.ts';

const PASS = { name: 'rules', action: 'pass', reason: 'matches a rule' } as const;
const DENY = { name: 'size', action: 'deny', reason: 'too long' } as const;
const bomb = new Refusal({ status: 403, rule: '<bomb>', reason: 'it grows' });

test.each([
  ['<malformed>', 'egress'],
  ['<inspector:mine>', 'inspector:mine'],
])('a refusal by %s is noted by %s', (rule, name) => {
  expect(refusalNote(new Refusal({ status: 403, rule, reason: 'why' }))).toEqual({
    name,
    action: 'deny',
    reason: 'why',
  });
});

test.each([
  [[], [refusalNote(bomb)]],
  [[PASS], [PASS, refusalNote(bomb)]],
  [
    [PASS, DENY],
    [PASS, DENY],
  ],
])('of %j and a refusal the record keeps one denial', (heard, kept) => {
  expect(withRefusal(heard, bomb)).toEqual(kept);
});
