import { expect, test } from 'vitest';
import { contextOf, exchangeOf } from '../../../test/support/exchange.ts';
import type { Exchange } from '../types.ts';
import { placeholder } from './placeholder.ts';

const KEY = `sk-ironcage-${'0123456789abcdef'.repeat(2)}`;
const bindings = [
  {
    ...{ name: 'KEY', hosts: ['a.example'], placeholder: KEY },
    slots: [{ kind: 'bearer' }, { kind: 'header', name: 'x-key' }, { kind: 'basic-password' }],
  },
] as const;
const look = (parts: Partial<Exchange>) => placeholder.inspect(exchangeOf(parts), contextOf({ bindings }));
const basic = (text: string): readonly [string, string] => ['authorization', `Basic ${btoa(text)}`];

test.each<[string, Partial<Exchange>]>([
  ['no placeholder at all', { host: 'b.example', headers: [['authorization', 'Bearer mine']] }],
  ['a Bearer token', { headers: [['authorization', `Bearer ${KEY}`]] }],
  ['its header', { headers: [['x-key', KEY]] }],
  ['a password', { headers: [basic(`user:${KEY}`)] }],
])('in its place it is nothing to speak of: %s', (_, parts) => {
  expect(look(parts)).toBeUndefined();
});

test.each<[string, Partial<Exchange>]>([
  ['another host', { host: 'b.example', headers: [['authorization', `Bearer ${KEY}`]] }],
  ['another header', { headers: [['x-other', KEY]] }],
  ['more in its header', { headers: [['x-key', `${KEY} and more`]] }],
  ['in the clear', { scheme: 'http', port: 80, headers: [['authorization', `Bearer ${KEY}`]] }],
  ['the path', { path: `/${KEY}` }],
  ['the query', { query: `k=${KEY}` }],
  ['the host', { host: `${KEY}.a.example` }],
  ['the user name beside the password', { headers: [basic(`${KEY}:${KEY}`)] }],
  ['percent-encoded', { query: Buffer.from(KEY).toString('hex').replace(/../g, '%$&') }],
  ['base64', { query: btoa(KEY) }],
  ['its random part alone', { query: KEY.slice(-32) }],
  ['the name of a header', { headers: [[KEY, 'x']] }],
])('anywhere else it is refused: %s', (_, parts) => {
  const finding = look(parts);
  expect(finding).toMatchObject({ action: 'deny', rule: '<placeholder>' });
  expect(JSON.stringify(finding)).not.toContain(KEY);
});
