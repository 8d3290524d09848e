import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from './chain.ts';
import { findContradictions } from './contradictions.ts';
import { coversRule } from './covers.ts';
import { NO_USAGE } from './inspector.ts';
import { ruleMatches } from './matching.ts';
import type { Exchange, Rule } from './types.ts';

const NOW_MS = 0;
const rule = (more: Partial<Rule> = {}): Rule => ({
  id: 'r',
  effect: 'allow',
  origin: 'user',
  host: 'a.example',
  ...more,
});

test.each<[string, Partial<Rule>, Partial<Rule>, string | undefined]>([
  ['the same', {}, {}, 'same'],
  ['allowed and denied', { effect: 'deny' }, {}, undefined],
  ['a wider denial', { effect: 'deny', host: '**.example' }, {}, undefined],
  ['a narrower allowance behind a wider', {}, { path: '/x' }, 'redundant'],
  ['a bound behind no bound', {}, { path: '/x', budget: { requestsPerMinute: 1 } }, 'shadowed'],
  ['references behind all of them', {}, { methods: ['POST'], pushRefs: ['refs/heads/a'] }, 'shadowed'],
  ['another path', { path: '/y' }, { path: '/x' }, undefined],
  ['another host', { host: 'b.example' }, {}, undefined],
  ['a narrower rule first', { path: '/x' }, {}, undefined],
])('of two rules, the second behind %s', (_, first, second, kind) => {
  const found = findContradictions([rule({ ...first, id: '1' }), rule({ ...second, id: '2' })]);
  expect(found.find(({ at }) => at === 1 && kind !== undefined)?.kind).toBe(kind);
});

test('an allowance that a denial takes away is named, whatever their order', () => {
  const denial = rule({ id: 'no', effect: 'deny', host: '**.example' });
  expect(findContradictions([rule(), denial])).toMatchObject([{ at: 0, other: 1, kind: 'denied', isError: true }]);
  expect(findContradictions([denial, rule()])).toMatchObject([{ at: 1, other: 0, kind: 'denied', isError: true }]);
  const exact = rule({ id: 'no', effect: 'deny', scheme: 'https', port: 443 });
  expect(findContradictions([rule(), exact])).toMatchObject([{ at: 0, isError: true }]);
});

const hosts = fc.constantFrom('a.example', 'b.a.example', '*.a.example', '**.example', '*.example');
const anyRule = fc
  .record({
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    host: hosts,
    path: fc.constantFrom(undefined, '/x', '/x/**', '/*', '/**'),
    methods: fc.constantFrom(undefined, ['GET'], ['GET', 'POST']),
    port: fc.constantFrom(undefined, 443, 8443),
    scheme: fc.constantFrom(undefined, 'https' as const, 'http' as const),
    maxQueryBytes: fc.constantFrom(undefined, 0, 5),
    maxBodyBytes: fc.constantFrom(undefined, 10),
    websocket: fc.constantFrom(undefined, true, false),
    expires: fc.constantFrom(undefined, '1970-01-01T00:00:00.001Z', '1960-01-01T00:00:00Z'),
  })
  .map((parts) => rule(Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))));
const anyExchange: fc.Arbitrary<Exchange> = fc.record({
  protocol: fc.constantFrom('http' as const, 'websocket' as const),
  scheme: fc.constantFrom('https' as const, 'http' as const),
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  host: fc.constantFrom('a.example', 'b.a.example', 'c.b.a.example', 'c.example', 'example'),
  port: fc.constantFrom(443, 80, 8443),
  path: fc.constantFrom('/', '/x', '/x/y', '/x/y/z', '/w'),
  query: fc.constantFrom('', 'a=b', 'a=bcdef'),
  headers: fc.constant([]),
  contentLength: fc.constantFrom(undefined, 0, 10, 11),
});

test('a rule that covers another matches whatever that matches', () => {
  fc.assert(
    fc.property(anyRule, anyRule, anyExchange, (wide, narrow, exchange) => {
      if (!coversRule(wide, narrow) || !ruleMatches(narrow, exchange, NOW_MS)) return;
      expect(ruleMatches(wide, exchange, NOW_MS)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
});

test('what is said never to apply is never what decides', () => {
  fc.assert(
    fc.property(fc.array(anyRule, { minLength: 2, maxLength: 4 }), anyExchange, (list, exchange) => {
      const rules = list.map((each, index) => ({ ...each, id: String(index) }));
      const idle = findContradictions(rules).filter(({ kind }) => kind === 'denied' || kind === 'shadowed');
      if (idle.length === 0) return;
      const { decision, rule: deciding } = decide({ mode: 'filtered', rules }, exchange, {
        ...{ bindings: [], nowMs: NOW_MS, usage: () => NO_USAGE },
      });
      if (decision === 'allow') expect(idle.map(({ at }) => String(at))).not.toContain(deciding);
    }),
    { numRuns: 20_000 },
  );
});

test('a rule that an earlier one or a denial covers is always found', () => {
  fc.assert(
    fc.property(anyRule, anyRule, fc.array(anyRule, { maxLength: 3 }), (first, second, between) => {
      const rules = [first, ...between, second];
      const isIdle = coversRule(first, second) && (first.effect === second.effect || first.effect === 'deny');
      const told = findContradictions(rules).map(({ at }) => at);
      if (isIdle) expect(told).toContain(rules.length - 1);
    }),
    { numRuns: 20_000 },
  );
});

test('tens of thousands of rules are compared by their hosts and not pair by pair', () => {
  const many = Array.from({ length: 40_000 }, (_, index) => rule({ host: `h${index}.example` }));
  const found = findContradictions([
    ...many,
    rule({ host: '*.example' }),
    rule({ host: 'h7.example', effect: 'deny' }),
  ]);
  expect(found.map(({ at, other }) => [at, other])).toEqual([[7, many.length + 1]]);
});
