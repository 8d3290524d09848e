import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChunkedDecoder } from './chunked.ts';
import { malformed, Refusal } from './refusal.ts';

const RUNS = 10_000;

/** Feeds the text in pieces cut at `cuts`; gives the data, and what was left behind the body. */
function decode(text: string, cuts: readonly number[] = []): { data: string; rest: string; done: boolean } {
  const bytes = Buffer.from(text, 'latin1');
  const decoder = createChunkedDecoder(malformed);
  const data: Buffer[] = [];
  let rest = '';
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  for (const [index, start] of places.entries()) {
    const piece = bytes.subarray(start, places[index + 1] ?? bytes.length);
    const used = decoder.decode(piece, data);
    rest += piece.toString('latin1', used);
  }
  return { data: Buffer.concat(data).toString('latin1'), rest, done: decoder.done };
}

function outcome(text: string, cuts: readonly number[]) {
  try {
    return decode(text, cuts);
  } catch (error) {
    if (error instanceof Refusal) return 'refused';
    throw error;
  }
}

test.each([
  ['5\r\nhello\r\n0\r\n\r\n', 'hello', ''],
  ['5;name=value\r\nhello\r\n0\r\n\r\n', 'hello', ''],
  ['A\r\n0123456789\r\n3\r\nabc\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\nGET / next', '0123456789abc', 'GET / next'],
  ['0\r\n\r\n', '', ''],
  ['000\r\n\r\n', '', ''],
])('%j is decoded', (text, data, rest) => {
  expect(decode(text)).toEqual({ data, rest, done: true });
});

test.each([
  ['a size in another base', 'g\r\n'],
  ['a sign', '+5\r\nhello\r\n'],
  ['a prefix', '0x5\r\nhello\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n'],
  ['an empty size', '\r\n'],
  ['a size that overflows', 'fffffffffffffffff\r\n'],
  ['a bare line feed behind the size', '5\nhello\r\n'],
  ['a bare carriage return in the extension', '5;a\rb\r\nhello\r\n'],
  ['a control in the extension', '5;a\0b\r\nhello\r\n'],
  ['data longer than its size', '5\r\nhellox\r\n0\r\n\r\n'],
  ['data with a bare line feed behind it', '5\r\nhello\n0\r\n\r\n'],
  ['an endless extension', `5;${'x'.repeat(300)}`],
  ['an endless size', '0'.repeat(300)],
  ['a broken trailer', '0\r\nnot a trailer\r\n\r\n'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a trailer with a bare line feed', '0\r\nA: b\nC: d\r\n\r\n'],
  ['endless trailers', `0\r\n${'A: b\r\n'.repeat(3000)}`],
  ['too many trailers', `0\r\n${'A: b\r\n'.repeat(40)}\r\n`],
])('%s is refused', (_, text) => {
  expect(() => decode(text)).toThrow(Refusal);
});

test('an end before the last chunk is refused', () => {
  const decoder = createChunkedDecoder(malformed);
  decoder.decode(Buffer.from('5\r\nhel'), []);
  expect(() => decoder.end()).toThrow(Refusal);
});

test('wherever the bytes are cut, the result is the same', () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40, unit: fc.constantFrom('a', '\r', '\n', '0', ';') });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (chunks, cuts) => {
      const body = chunks.map((text) => `${text.length.toString(16)};x=1\r\n${text}\r\n`).join('');
      const whole = decode(`${body}0\r\nT: v\r\n\r\nrest`);
      expect(whole).toEqual({ data: chunks.join(''), rest: 'rest', done: true });
      expect(decode(`${body}0\r\nT: v\r\n\r\nrest`, cuts)).toEqual(whole);
    }),
    { numRuns: RUNS },
  );
});

test('hostile bytes are decoded or refused, cut or whole alike', () => {
  const piece = fc.constantFrom('0', '5', 'f', '\r\n', '\n', '\r', ';', ' ', 'x', ':', 'hello');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 6 }), (pieces, cuts) => {
      expect(outcome(pieces.join(''), cuts)).toEqual(outcome(pieces.join(''), []));
    }),
    { numRuns: RUNS },
  );
});
