import { describe, expect, test } from 'vitest';
import { findBundle } from '../bundles.ts';
import { decide } from '../chain.ts';
import { NO_USAGE } from '../inspector.ts';
import type { Decision, Exchange, PlaceholderBinding, Rule } from '../types.ts';

const KEY: PlaceholderBinding = {
  name: 'TOKEN',
  hosts: ['bound.example', 'api.openai.com'],
  slots: [{ kind: 'bearer' }, { kind: 'header', name: 'x-special' }],
  placeholder: 'ironcage-0123456789abcdef0123456789abcdef',
};
const HOSTS = [
  'bound.example',
  'free.example',
  'api.openai.com',
  'generativelanguage.googleapis.com',
  'b.s3.amazonaws.com',
];
const user: Rule[] = HOSTS.map((host) => ({ id: `allow:${host}`, effect: 'allow', origin: 'user', host }));
const rules: Rule[] = [...user, ...(findBundle('npm')?.rules ?? [])];

function judge(parts: Partial<Exchange>, bindings: readonly PlaceholderBinding[] = [KEY]): Decision {
  const exchange: Exchange = {
    ...{ protocol: 'http', scheme: 'https', method: 'GET', host: 'bound.example', port: 443, path: '/lodash' },
    ...{ query: '', headers: [], contentLength: undefined },
    ...parts,
  };
  return decide({ mode: 'filtered', rules }, exchange, { bindings, nowMs: 0, usage: () => NO_USAGE });
}

const basic = `Basic ${btoa('me:mine')}`;
const FOREIGN: [string, Partial<Exchange>][] = [
  ['a bearer token', { headers: [['authorization', 'Bearer mine']] }],
  ['a password', { headers: [['authorization', basic]] }],
  ['a digest', { headers: [['Authorization', 'Digest username="me"']] }],
  ['a scheme that nobody knows', { headers: [['authorization', 'Hawk id="1"']] }],
  ['a bare value', { headers: [['authorization', 'mine']] }],
  ['an x-api-key', { headers: [['x-api-key', 'mine']] }],
  ['an api-key', { headers: [['API-Key', 'mine']] }],
  ['Google’s header', { headers: [['x-goog-api-key', 'mine']] }],
  ['GitLab’s header', { headers: [['private-token', 'mine']] }],
  ['npm’s one-time password', { headers: [['npm-otp', '123456']] }],
  ['Amazon’s token', { headers: [['x-amz-security-token', 'mine']] }],
  ['a header with underscores', { headers: [['x_auth_token', 'mine']] }],
  ['a session’s cookie', { headers: [['cookie', '__cf_bm=1; session=mine']] }],
  [
    'a second cookie header',
    {
      headers: [
        ['cookie', '__cf_bm=1'],
        ['cookie', 'sid=1'],
      ],
    },
  ],
  ['a key in the query', { query: 'alt=sse&key=mine' }],
  ['a key that is written in escapes', { query: '%6B%65%79=mine' }],
  ['a key in capitals', { query: 'API_KEY=mine' }],
  ['a key behind a semicolon', { query: 'a=1;access_token=mine' }],
  ['a token without a value', { query: 'token' }],
  ['a signature', { query: 'X-Goog-Signature=aa' }],
];

describe.each([
  ['a host with a binding', 'bound.example', [KEY]],
  ['a host of a model, without a binding', 'api.openai.com', []],
  ['a host of another model', 'generativelanguage.googleapis.com', []],
  ['a host of a bundle, without a binding', 'registry.npmjs.org', []],
  ['an object store', 'b.s3.amazonaws.com', []],
])('at %s', (_, host, bindings) => {
  test.each(FOREIGN)('%s is refused', (_what, parts) => {
    const { decision, inspectors } = judge({ host, ...parts }, bindings);
    expect(decision).toBe('deny');
    expect(inspectors.find(({ name }) => name === 'credential')?.action).toBe('deny');
  });

  test.each<[string, Partial<Exchange>]>([
    ['nothing', {}],
    ['an empty header', { headers: [['authorization', ' ']] }],
    ['cookies of the network', { headers: [['cookie', '__cf_bm=1; _cfuvid=2; AWSALB=3']] }],
    ['a page of a listing', { query: 'continuation-token=x&pageToken=y' }],
    ['an idempotency key', { headers: [['idempotency-key', 'stainless-1']] }],
    [
      'npm’s own headers',
      {
        headers: [
          ['npm-auth-type', 'web'],
          ['npm-command', 'install'],
        ],
      },
    ],
  ])('%s passes', (_what, parts) => {
    expect(judge({ host, ...parts }, bindings)).toMatchObject({ decision: 'allow' });
  });
});

test('a key in a subprotocol of a WebSocket is refused, and a plain subprotocol passes', () => {
  const socket = { host: 'api.openai.com', protocol: 'websocket' } as const;
  const subprotocol = 'realtime, openai-insecure-api-key.sk-mine';
  expect(judge({ ...socket, headers: [['sec-websocket-protocol', subprotocol]] }).rule).toBe('<foreign-credential>');
  const headers = [
    ['sec-websocket-protocol', 'realtime'],
    ['sec-websocket-key', 'AAAA'],
  ] as const;
  expect(judge({ ...socket, headers }).decision).toBe('allow');
});

test('our placeholder passes in its slots, not beside somebody else’s credential, and not at a host of its own choice', () => {
  const ours = ['authorization', `Bearer ${KEY.placeholder}`] as const;
  expect(judge({ headers: [ours] }).decision).toBe('allow');
  expect(judge({ headers: [['x-special', KEY.placeholder]] }).decision).toBe('allow');
  expect(judge({ headers: [ours, ['x-api-key', 'mine']] }).rule).toBe('<foreign-credential>');
  expect(judge({ headers: [ours, ['authorization', 'Bearer mine']] }).rule).toBe('<foreign-credential>');
  expect(judge({ headers: [['x-special', 'mine']] }).rule).toBe('<foreign-credential>');
  expect(judge({ host: 'registry.npmjs.org', headers: [ours] }).rule).toBe('<placeholder>');
});

test.each(FOREIGN)('%s passes at a host that is none of these', (_, parts) => {
  expect(judge({ host: 'free.example', ...parts }).decision).toBe('allow');
});

test('the reason names the place and never what stood there', () => {
  const { reason } = judge({ headers: [['x-api-key', 'mine-123']] });
  expect(reason).toContain('a header');
  expect(reason).not.toContain('mine');
});
