import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { unescapeBytes } from './unescape.ts';

const plain = (text: string): string => Buffer.from(unescapeBytes(Buffer.from(text, 'latin1'))).toString('latin1');

test.each([
  ['%41%2f', 'A/'],
  ['100% of %zz', '100% of %zz'],
  ['\\u0041\\x41\\/\\"\\\\\\n', 'AA/"\\\n'],
  ['\\u20ac', '\\u20ac'],
  ['&#65;&#x41;&#0065&#x0041 ', 'AAAA '],
  ['&amp;&lt;&gt;&quot;&apos;&nbsp;', '&<>"\'&nbsp;'],
  ['%4', '%4'],
])('%j reads as %j', (escaped, text) => {
  expect(plain(escaped)).toBe(text);
});

test('any mixture of escapes gives the text back', () => {
  const forms: readonly ((code: string) => string)[] = [
    (code) => `%${code}`,
    (code) => `\\u00${code}`,
    (code) => `\\x${code}`,
    (code) => `&#x${code};`,
    (code) => `&#${Number.parseInt(code, 16)};`,
  ];
  const form = fc.constantFrom(...forms);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(255), form), { maxLength: 20 }), (parts) => {
      const escaped = parts.map(([byte, escape]) => escape(byte.toString(16).padStart(2, '0'))).join('');
      expect(plain(escaped)).toBe(String.fromCharCode(...parts.map(([byte]) => byte)));
    }),
    { numRuns: 10_000 },
  );
});
