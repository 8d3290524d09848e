import { expect, test } from 'vitest';
import { exchangeFromUrl, explain, inOrder, type SketchedBody } from './explain.ts';
import { NO_USAGE } from './inspector.ts';
import type { Policy, Rule } from './types.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
const allow = (id: string, more: Partial<Rule> = {}): Rule => ({
  ...{ id, effect: 'allow', origin: 'user', host: 'a.example' },
  ...more,
});
const circumstances = { bindings: [], nowMs: NOW_MS, usage: () => NO_USAGE };

function outcomes(rules: readonly Rule[], method: string, url: string, body?: SketchedBody): string[] {
  const policy: Policy = { mode: 'filtered', rules };
  const explained = explain(policy, method, url, circumstances, body);
  if (!explained.ok) throw new Error(explained.reason);
  return explained.considered.map(({ rule, outcome }) => `${rule} ${outcome}`);
}

test('deny rules are looked at first, and nothing behind the rule that matches', () => {
  const rules = [allow('one'), allow('no', { effect: 'deny', path: '/no' }), allow('two')];
  expect(inOrder(rules).map(({ id }) => id)).toEqual(['no', 'one', 'two']);
  expect(outcomes(rules, 'GET', 'https://a.example/no')).toEqual(['no matches']);
  expect(outcomes(rules, 'GET', 'https://a.example/yes')).toEqual(['no path', 'one matches']);
});

test.each<[string, Partial<Rule>, string, string]>([
  ['host', { host: 'b.example' }, 'GET', 'https://a.example/'],
  ['raw', { passthrough: true, port: 443 }, 'GET', 'https://a.example/'],
  ['scheme', {}, 'GET', 'http://a.example/'],
  ['port', {}, 'GET', 'https://a.example:8443/'],
  ['websocket', { methods: ['GET'] }, 'GET', 'wss://a.example/'],
  ['method', { methods: ['GET'] }, 'POST', 'https://a.example/'],
  ['path', { path: '/v1/**' }, 'GET', 'https://a.example/v2'],
  ['query', { maxQueryBytes: 3 }, 'GET', 'https://a.example/?a=bc'],
  ['expired', { expires: '2026-01-01T00:00:00.000Z' }, 'GET', 'https://a.example/'],
  ['expired', { expires: 'some day' }, 'GET', 'https://a.example/'],
  ['matches', { expires: '2026-01-01T00:00:00.001Z' }, 'GET', 'https://a.example/'],
])('a rule that does not fit says why: %s', (outcome, rule, method, url) => {
  expect(outcomes([allow('r', rule)], method, url)).toEqual([`r ${outcome}`]);
});

test.each<[string, SketchedBody | undefined]>([
  ['matches', undefined],
  ['matches', { type: 'application/json', bytes: 10 }],
  ['matches', { type: 'Application/JSON; charset=utf-8' }],
  ['size', { type: 'application/json', bytes: 11 }],
  ['content-type', { type: 'text/plain', bytes: 10 }],
  ['content-type', { type: 'text/plain' }],
  ['content-type', { type: 'application/json, text/plain', bytes: 1 }],
  ['content-type', { bytes: 1 }],
])('of a body, type and size count: %s for %j', (outcome, body) => {
  const rule = allow('r', { contentTypes: ['application/json'], maxBodyBytes: 10 });
  expect(outcomes([rule], 'POST', 'https://a.example/', body)).toEqual([`r ${outcome}`]);
});

test.each([
  'https://a.example:0/',
  'https://a.example:65536/',
  'https://a.example:99999/',
  'ftp://a.example/',
  'a.example',
])('%s is no address of a request', (url) => {
  expect(exchangeFromUrl('GET', url)).toMatchObject({ ok: false });
});

test('where nothing is let through, no rule is looked at', () => {
  const explained = explain({ mode: 'none', rules: [allow('r')] }, 'GET', 'https://a.example/', circumstances);
  expect(explained).toMatchObject({ ok: true, decision: { decision: 'deny' }, considered: [] });
});

test.each([
  'a.example',
  'ftp://a.example/',
  'https://',
  'https://a_b\u0000/',
  'https://a.example:x/',
  'https://a.example/%zz',
])('what is no URL is not explained: %s', (url) => {
  expect(exchangeFromUrl('GET', url).ok).toBe(false);
});
