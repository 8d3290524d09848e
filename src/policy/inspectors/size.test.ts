import { expect, test } from 'vitest';
import { contextOf, exchangeOf } from '../../../test/support/exchange.ts';
import type { Exchange } from '../types.ts';
import { size } from './size.ts';

const fields = (count: number, value = 'v') => Array.from({ length: count }, () => ['n', value] as const);

test.each<[string, Partial<Exchange>, boolean]>([
  ['200 fields', { headers: fields(200) }, false],
  ['201 fields', { headers: fields(201) }, true],
  ['fields of 64 KiB', { headers: [['n', 'v'.repeat(65_535)]] }, false],
  ['fields of one byte more', { headers: [['n', 'v'.repeat(65_536)]] }, true],
  ['a path of 8 KiB', { path: `/${'x'.repeat(8191)}` }, false],
  ['a path of one byte more', { path: `/${'x'.repeat(8192)}` }, true],
  ['a query of 16 KiB', { query: 'x'.repeat(16_384) }, false],
  ['a query of one byte more', { query: 'x'.repeat(16_385) }, true],
  ['a body of any size', { contentLength: Number.MAX_SAFE_INTEGER }, false],
  ['a length below nothing', { contentLength: -1 }, true],
  ['a length that is no whole number', { contentLength: 1.5 }, true],
  ['a length that no number can hold', { contentLength: 2 ** 53 }, true],
  ['port 0', { port: 0 }, true],
  ['port 65536', { port: 65_536 }, true],
])('%s', (_, parts, isDenied) => {
  const finding = size.inspect(exchangeOf(parts), contextOf());
  if (isDenied) expect(finding).toMatchObject({ action: 'deny', rule: '<size>' });
  else expect(finding).toBeUndefined();
});
