import { expect, test } from 'vitest';
import { CHAIN, decide } from './chain.ts';
import { NO_USAGE } from './inspector.ts';
import type { Exchange, PlaceholderBinding, Policy, Rule } from './types.ts';

const core = '0123456789abcdef0123456789abcdef';
const key: PlaceholderBinding = {
  name: 'ANTHROPIC_API_KEY',
  hosts: ['api.anthropic.com'],
  slots: [{ kind: 'header', name: 'x-api-key' }, { kind: 'bearer' }, { kind: 'basic-password' }],
  placeholder: `sk-ant-api03-ironcage-${core}`,
};
const circumstances = { bindings: [key], nowMs: Date.UTC(2026, 10, 21), usage: () => NO_USAGE };

const allow = (rule: Partial<Rule>): Rule => ({
  id: 'allow:test',
  effect: 'allow',
  origin: 'user',
  host: 'api.anthropic.com',
  ...rule,
});
const deny = (rule: Partial<Rule>): Rule => allow({ id: 'deny:test', effect: 'deny', ...rule });
const filtered = (...rules: Rule[]): Policy => ({ mode: 'filtered', rules });
const get = (parts: Partial<Exchange> = {}): Exchange => ({
  protocol: 'http',
  scheme: 'https',
  method: 'GET',
  host: 'api.anthropic.com',
  port: 443,
  path: '/v1/models',
  query: '',
  headers: [['host', 'api.anthropic.com']],
  contentLength: undefined,
  ...parts,
});

const everyHost = filtered(allow({}), allow({ host: '**.test' }), allow({ host: '**.test', scheme: 'http' }));
const ruleOf = (policy: Policy, exchange: Exchange): string => decide(policy, exchange, circumstances).rule;

test('what no rule names is refused with the narrowest remedy', () => {
  const decision = decide(filtered(), get({ path: '/a/b', query: 'x=1' }), circumstances);
  expect(decision).toMatchObject({
    decision: 'deny',
    rule: '<default-deny>',
    remedy: "ironcage policy allow 'GET api.anthropic.com/a/b'",
  });
});

test('an allow rule lets a request pass and hands on whether the destination may be private', () => {
  expect(decide(filtered(allow({})), get(), circumstances)).toMatchObject({ decision: 'allow', private: false });
  expect(decide(filtered(allow({ private: true })), get(), circumstances)).toMatchObject({ private: true });
});

test('a deny rule wins over an allow rule that stands before it', () => {
  const decision = decide(filtered(allow({}), deny({ path: '/v1/**' })), get(), circumstances);
  expect(decision).toMatchObject({ decision: 'deny', rule: 'deny:test', remedy: "ironcage policy rm 'deny:test'" });
});

test('the first allow rule in list order is the one that is named', () => {
  expect(ruleOf(filtered(allow({ id: 'a', host: '**.anthropic.com' }), allow({ id: 'b' })), get())).toBe('a');
});

test('a cage without network refuses what its rules allow', () => {
  expect(ruleOf({ mode: 'none', rules: [allow({})] }, get())).toBe('<none>');
});

test.each([
  ['another port', { port: 8443 }],
  ['clear text', { scheme: 'http', port: 80 }],
  ['another host', { host: 'anthropic.com' }],
  ['a sibling host', { host: 'xapi.anthropic.com' }],
] as const)('a rule for a host does not allow %s', (_, parts) => {
  expect(ruleOf(filtered(allow({})), get(parts))).toBe('<default-deny>');
  expect(ruleOf(filtered(allow({})), get())).toBe('allow:test');
});

test('a deny rule without port and scheme covers every port and scheme', () => {
  const policy = filtered(deny({}), allow({ port: 8443 }), allow({ scheme: 'http', port: 8080 }));
  expect(ruleOf(policy, get({ port: 8443 }))).toBe('deny:test');
  expect(ruleOf(policy, get({ port: 8080, scheme: 'http' }))).toBe('deny:test');
});

test.each(['/admin%2Fkeys', '/%61dmin%2Fkeys', '/admin/%6Beys', '/admin/keys', '/admin'])(
  'a deny rule for /admin/** also catches %s',
  (path) => {
    expect(ruleOf(filtered(deny({ path: '/admin/**' }), allow({})), get({ path }))).toBe('deny:test');
  },
);

test('an encoded slash does not reach over a segment of an allow rule', () => {
  const policy = filtered(allow({ path: '/public/*' }));
  expect(ruleOf(policy, get({ path: '/public/a%2Fb' }))).toBe('allow:test');
  expect(ruleOf(filtered(allow({ path: '/public/*/b' })), get({ path: '/public/a%2Fb' }))).toBe('<default-deny>');
});

test('a query longer than the rule allows does not match', () => {
  const policy = filtered(allow({ maxQueryBytes: 4 }));
  expect(ruleOf(policy, get({ query: 'a=12' }))).toBe('allow:test');
  expect(ruleOf(policy, get({ query: 'a=123' }))).toBe('<default-deny>');
});

test.each([
  ['no methods', {}, 'allow:test'],
  ['methods', { methods: ['GET'] }, '<default-deny>'],
  ['methods and websocket', { methods: ['GET'], websocket: true }, 'allow:test'],
  ['no methods and no websocket', { websocket: false }, '<default-deny>'],
])('a WebSocket handshake and a rule with %s', (_, rule, expected) => {
  expect(ruleOf(filtered(allow(rule)), get({ protocol: 'websocket' }))).toBe(expected);
});

test('a deny rule with methods catches WebSocket handshakes too', () => {
  const policy = filtered(deny({ methods: ['GET'] }), allow({}));
  expect(ruleOf(policy, get({ protocol: 'websocket' }))).toBe('deny:test');
});

test.each([
  ['TRACE', '<method>'],
  ['CONNECT', '<method>'],
  ['get', '<method>'],
  ['BREW', '<method>'],
  ['', '<method>'],
  ['PATCH', 'allow:test'],
])('the method %j gives %s', (method, expected) => {
  expect(ruleOf(everyHost, get({ method }))).toBe(expected);
});

test.each(['x-http-method-override', 'X-HTTP-Method', 'x-method-override'])('%s is refused', (name) => {
  expect(ruleOf(everyHost, get({ headers: [[name, 'DELETE']] }))).toBe('<method>');
});

test('an address passes only where a rule lists exactly it', () => {
  const exchange = get({ host: '203.0.113.7' });
  expect(ruleOf(filtered(allow({ host: '**.7' })), exchange)).toBe('<address>');
  expect(ruleOf(filtered(allow({ host: '203.0.113.7' })), exchange)).toBe('allow:test');
  expect(ruleOf(filtered(allow({ host: '203.0.113.7', port: 8443 })), exchange)).toBe('<default-deny>');
});

test('a metadata service is refused whatever the rules say', () => {
  const policy = filtered(allow({ host: '169.254.169.254', scheme: 'http', private: true }));
  const decision = decide(policy, get({ host: '169.254.169.254', scheme: 'http', port: 80 }), circumstances);
  expect(decision).toMatchObject({ rule: '<metadata>', remedy: '' });
});

test('a host that is not in canonical form is refused', () => {
  expect(ruleOf(filtered(allow({ host: 'API.anthropic.com' })), get({ host: 'API.anthropic.com' }))).toBe(
    '<authority>',
  );
});

test.each<[string, Partial<Exchange>]>([
  ['the bound header', { headers: [['x-api-key', key.placeholder]] }],
  ['Bearer', { headers: [['authorization', `Bearer ${key.placeholder}`]] }],
  ['token', { headers: [['authorization', `token ${key.placeholder}`]] }],
  ['the password of Basic', { headers: [['authorization', `Basic ${btoa(`me:${key.placeholder}`)}`]] }],
])('a placeholder passes whole in %s', (_, parts) => {
  expect(ruleOf(everyHost, get(parts))).toBe('allow:test');
});

const encodedTwice = encodeURIComponent(Array.from(core, (c) => `%${c.charCodeAt(0).toString(16)}`).join(''));
test.each<[string, Partial<Exchange>]>([
  ['another header', { headers: [['x-note', key.placeholder]] }],
  ['a header name', { headers: [[key.placeholder, 'x']] }],
  ['part of the bound header', { headers: [['x-api-key', `${key.placeholder}x`]] }],
  ['the path', { path: `/${key.placeholder}` }],
  ['the path in upper case', { path: `/${key.placeholder.toUpperCase()}` }],
  ['the query', { query: `k=${key.placeholder}` }],
  ['the query without its prefix', { query: `k=${core}` }],
  ['the query percent-encoded twice', { query: `k=${encodedTwice}` }],
  ['the query in base64', { query: `k=${btoa(key.placeholder)}` }],
  ['the query in base64 one byte on', { query: `k=${btoa(`a${key.placeholder}`)}` }],
  ['the query in base64 two bytes on', { query: `k=${btoa(`ab${key.placeholder}z`)}` }],
  ['the user of Basic', { headers: [['authorization', `Basic ${btoa(`${key.placeholder}:${key.placeholder}`)}`]] }],
  ['another host', { host: 'evil.test', headers: [['x-api-key', key.placeholder]] }],
  ['another host name', { host: `${core}.evil.test` }],
  ['clear text', { scheme: 'http', headers: [['x-api-key', key.placeholder]] }],
])('a placeholder is refused in %s', (_, parts) => {
  const policy = filtered(allow({}), allow({ scheme: 'http', port: 443 }), allow({ host: '**.test' }));
  const decision = decide(policy, get(parts), circumstances);
  expect(decision.decision).toBe('deny');
  expect(decision.inspectors.find((note) => note.name === 'placeholder')?.action).toBe('deny');
  expect(decision.reason).not.toContain(core);
});

test.each<[string, Partial<Exchange>, string]>([
  ['a key of its own in the bound header', { headers: [['x-api-key', 'sk-ant-attacker']] }, '<foreign-credential>'],
  ['a bearer of its own', { headers: [['authorization', 'Bearer other']] }, '<foreign-credential>'],
  ['a scheme that nobody bound', { headers: [['authorization', 'Digest x']] }, '<foreign-credential>'],
  ['a key in the query', { query: 'beta=true&KEY=abc' }, '<foreign-credential>'],
  ['an empty bound header', { headers: [['x-api-key', '']] }, 'allow:test'],
  ['an ordinary query', { query: 'beta=true' }, 'allow:test'],
  ['a key for an unbound host', { host: 'other.test', headers: [['x-api-key', 'abc']] }, 'allow:test'],
])('%s at a host gives %s', (_, parts, expected) => {
  expect(ruleOf(everyHost, get(parts))).toBe(expected);
});

test.each<[string, Partial<Exchange>]>([
  ['header fields', { headers: Array.from({ length: 201 }, () => ['a', 'b'] as const) }],
  ['header bytes', { headers: [['a', 'b'.repeat(65_536)]] }],
  ['path', { path: `/${'a'.repeat(8192)}` }],
  ['query', { query: 'a'.repeat(16_385) }],
  ['content length', { contentLength: -1 }],
  ['content length', { contentLength: Number.NaN }],
])('too much or impossible: %s', (_, parts) => {
  expect(ruleOf(everyHost, get(parts))).toBe('<size>');
});

test('an inspector that throws is a refusal which does not quote what was thrown', () => {
  const broken = {
    name: 'broken',
    inspect: () => {
      throw new Error('secret text');
    },
  };
  const decision = decide(everyHost, get(), circumstances, [...CHAIN, broken]);
  expect(decision).toMatchObject({ decision: 'deny', rule: '<error>' });
  expect(JSON.stringify(decision)).not.toContain('secret text');
});

test('a rule with a glob that cannot be read is a refusal', () => {
  expect(ruleOf(filtered(allow({ path: '/a/b**c/*' })), get({ path: '/a/b/c' }))).toBe('<error>');
});

test.each([{ mode: 'open' }, { mode: 'filtered', rules: [{ ...allow({}), effect: 'warn' }, allow({})] }])(
  'a policy of an unknown kind refuses everything: %j',
  (parts) => {
    const policy: Policy = JSON.parse(JSON.stringify({ rules: [allow({})], ...parts }));
    expect(ruleOf(policy, get())).toBe('<error>');
  },
);

test('an empty chain allows nothing', () => {
  expect(decide(everyHost, get(), circumstances, []).decision).toBe('deny');
});

test('a remedy is not offered where it would not be enough', () => {
  expect(decide(filtered(), get({ method: 'TRACE' }), circumstances).remedy).toBe('');
});

test('a remedy survives a shell and never widens to a wildcard', () => {
  const { remedy } = decide(filtered(), get({ path: "/it's/%2A%2A" }), circumstances);
  expect(remedy).toBe("ironcage policy allow 'GET api.anthropic.com/it'\\''s/%2A%2A'");
});
