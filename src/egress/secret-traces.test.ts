import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { base32Alignments } from './secret-variants.ts';
import { secretTraces } from './secret-traces.ts';

test('base32 is the standard’s', () => {
  // RFC 4648, section 10.
  expect(base32Alignments(Buffer.from('foobar'))[0]).toBe('MZXW6YTBO');
  expect('MZXW6YTBOI======'.startsWith('MZXW6YTBO')).toBe(true);
});

test('a value that is too short to be told from text is not looked for', () => {
  expect(secretTraces('abc')).toEqual([]);
});

test('whatever stands around a value, a trace of it is in its plain, hex and base64 form', () => {
  const value = fc.string({ minLength: 12, maxLength: 80, unit: 'grapheme-ascii' });
  fc.assert(
    fc.property(value, fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 }), (secret, before, behind) => {
      const traces = secretTraces(secret);
      const text = Buffer.from(`${before}${secret}${behind}`);
      for (const encoding of ['utf8', 'hex', 'base64', 'base64url'] as const) {
        const encoded = Buffer.from(text.toString(encoding));
        expect(traces.some((trace) => encoded.includes(trace))).toBe(true);
      }
    }),
    { numRuns: 10_000 },
  );
});
