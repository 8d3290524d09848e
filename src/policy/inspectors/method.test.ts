import { expect, test } from 'vitest';
import { contextOf, exchangeOf } from '../../../test/support/exchange.ts';
import type { Exchange } from '../types.ts';
import { method } from './method.ts';

test.each<[string, Partial<Exchange>]>([
  ['GET', {}],
  ['HEAD', { method: 'HEAD' }],
  ['a preflight', { method: 'OPTIONS' }],
  ['a handshake', { protocol: 'websocket' }],
  ['a header that only sounds alike', { headers: [['x-http-methods', 'PUT']] }],
])('%s is nothing to speak of', (_, parts) => {
  expect(method.inspect(exchangeOf(parts), contextOf())).toBeUndefined();
});

test.each<[string, Partial<Exchange>]>([
  ['TRACE', { method: 'TRACE' }],
  ['CONNECT to an upstream', { method: 'CONNECT' }],
  ['a method in small letters', { method: 'get' }],
  ['WebDAV', { method: 'PROPFIND' }],
  ['no method', { method: '' }],
  ['a header that names another method', { headers: [['x-http-method-override', 'DELETE']] }],
  ['the same in capitals', { headers: [['X-HTTP-Method', 'DELETE']] }],
  ['the third of its names', { headers: [['x-method-override', '']] }],
  ['a handshake by POST', { protocol: 'websocket', method: 'POST' }],
])('%s is refused', (_, parts) => {
  expect(method.inspect(exchangeOf(parts), contextOf())).toMatchObject({ action: 'deny', rule: '<method>' });
});
