import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HeldRequest } from '../egress/config.ts';
import { canonicalTarget } from '../policy/paths.ts';
import { parseRule } from '../policy/rules.ts';
import { sharedSuffix } from '../policy/suffixes.ts';
import type { Rule } from '../policy/types.ts';
import { offerRules } from './approve-rules.ts';

const HELD: HeldRequest = {
  id: '0123456789ab',
  askedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T00:02:00.000Z',
  protocol: 'http',
  scheme: 'https',
  method: 'GET',
  host: 'api.example.com',
  port: 443,
  path: '/v1/items/42',
  query: '',
  rule: '<ask>',
  reason: 'no rule allows this request',
  waiting: 1,
};

test('the rule that is offered first is this method, host and path and nothing else', () => {
  expect(offerRules(HELD)).toEqual({
    exact: 'GET api.example.com/v1/items/42 max-query=0',
    wider: [
      'GET api.example.com/v1/items/* max-query=0',
      'GET api.example.com/v1/items/** max-query=0',
      'GET api.example.com max-query=0',
    ],
    deny: 'GET api.example.com/v1/items/42',
  });
});

test.each<[string, Partial<HeldRequest>, string]>([
  ['a query', { query: 'page=2' }, 'GET api.example.com/v1/items/42 max-query=32'],
  ['a long query', { query: 'a'.repeat(65) }, 'GET api.example.com/v1/items/42 max-query=128'],
  ['a port', { port: 8443 }, 'GET api.example.com:8443/v1/items/42 max-query=0'],
  ['plain HTTP', { scheme: 'http', port: 80 }, 'GET http://api.example.com/v1/items/42 max-query=0'],
  ['a WebSocket', { protocol: 'websocket' }, 'GET api.example.com/v1/items/42 websocket max-query=0'],
])('a request with %s is covered by its rule', (_, more, text) => {
  expect(offerRules({ ...HELD, ...more }).exact).toBe(text);
});

test('a path that is too long for a rule is answered without one', () => {
  const offered = offerRules({ ...HELD, path: `/${'a'.repeat(2000)}` });
  expect(offered.exact).toBeUndefined();
  expect(offered.deny).toBeUndefined();
});

test('whatever is asked for, every rule that is offered can be read and means what it says', () => {
  const paths = fc.webPath({ size: 'small' }).map((path) => canonicalTarget(path === '' ? '/' : path));
  fc.assert(
    fc.property(paths, fc.constantFrom('GET', 'POST'), fc.integer({ min: 1, max: 65_535 }), (target, method, port) => {
      if (!target.ok) return;
      const offered = offerRules({ ...HELD, path: target.path, method, port });
      const [exact] = rulesOf(offered.exact);
      expect(exact).toMatchObject({ host: HELD.host, methods: [method], effect: 'allow', maxQueryBytes: 0 });
      expect(exact?.path ?? '/**').toBe(target.path);
      for (const text of offered.wider) expect(rulesOf(text)).toMatchObject([{ host: HELD.host, methods: [method] }]);
      expect(rulesOf(offered.deny, 'deny')).toMatchObject([{ host: HELD.host, methods: [method], effect: 'deny' }]);
    }),
    { numRuns: 10_000 },
  );
});

function rulesOf(text: string | undefined, effect: Rule['effect'] = 'allow'): readonly Rule[] {
  const parsed = parseRule(text ?? '', { effect, origin: 'user', nowMs: 0, sharedSuffix });
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
  return parsed.rules;
}
