import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findBlobs, MIN_BLOB_BYTES } from './blobs.ts';

test('every long run is found whole, and no short one', () => {
  const run = fc.string({ maxLength: 90, unit: fc.constantFrom('a', 'G', '7', '+', '_') });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 5 }), (runs) => {
      const found = findBlobs(Buffer.from(runs.join(' '))).map(({ start, end }) => end - start);
      expect(found).toEqual(runs.map((each) => each.length).filter((length) => length >= MIN_BLOB_BYTES));
    }),
    { numRuns: 10_000 },
  );
});

test('hex is told from base64', () => {
  const found = findBlobs(Buffer.from(`${'0a'.repeat(20)} ${'0aZ'.repeat(20)}`));
  expect(found.map(({ isHex }) => isHex)).toEqual([true, false]);
});
