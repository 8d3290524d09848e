import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Utf8Check } from './websocket-text.ts';

test('wherever bytes are cut, they are UTF-8 exactly when the whole is', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.boolean(), (pieces, endsEmpty) => {
      const check = new Utf8Check();
      const cuts = pieces.flatMap((bytes) => [bytes.subarray(0, 1), bytes.subarray(1)]);
      if (endsEmpty) cuts.push(Buffer.alloc(0));
      const accepted = cuts.every((bytes, index) => check.accepts(bytes, index === cuts.length - 1));
      expect(cuts.length === 0 || accepted).toBe(isUtf8(Buffer.concat(pieces)));
    }),
    { numRuns: 10_000 },
  );
});

test.each([
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['a character beyond the last', [0xf4, 0x90, 0x80, 0x80]],
])('%s is refused as soon as it is whole, not only at the end', (_, bytes) => {
  const check = new Utf8Check();
  expect(check.accepts(Buffer.from([...bytes, 0x61]), false)).toBe(false);
});

test('a text that ends within a character is none', () => {
  const check = new Utf8Check();
  expect(check.accepts(Buffer.from([0xe2, 0x82]), false)).toBe(true);
  expect(check.accepts(Buffer.alloc(0), true)).toBe(false);
});
