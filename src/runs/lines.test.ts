import { expect, test } from 'vitest';
import { splitLines } from './lines.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

test('lines end where they end, however the pieces are cut', () => {
  const text = 'one\n\nzwei ü€🦊\nthree';
  for (let size = 1; size <= bytes(text).length; size += 1) {
    const lines = splitLines();
    const seen = [];
    for (let from = 0; from < bytes(text).length; from += size)
      seen.push(...lines.push(bytes(text).subarray(from, from + size)));
    expect(seen).toEqual([{ text: 'one' }, { text: '' }, { text: 'zwei ü€🦊' }]);
    expect(lines.rest()).toEqual([{ text: 'three' }]);
    expect(lines.rest()).toEqual([]);
  }
});

test('a piece may be written over once it was taken', () => {
  const lines = splitLines();
  const piece = bytes('abc');
  lines.push(piece);
  piece.fill('x');
  expect(lines.push(bytes('\n'))).toEqual([{ text: 'abc' }]);
});

test('a line at the bound is whole, a longer one is told by how it begins and its length, and the next is whole again', () => {
  const lines = splitLines(10);
  expect(lines.push(bytes('0123456789\n'))).toEqual([{ text: '0123456789' }]);
  expect(lines.push(bytes('0123456789'))).toEqual([]);
  expect(lines.push(bytes('a'))).toEqual([]);
  for (let piece = 0; piece < 100; piece += 1) expect(lines.push(bytes('bcdef'))).toEqual([]);
  expect(lines.push(bytes('\nnext\n'))).toEqual([{ text: '0123456789a', tooLong: 511 }, { text: 'next' }]);
});

test('of a line without end only the beginning is held, without half a character', () => {
  const lines = splitLines(100_000);
  const piece = bytes(`x${'€'.repeat(30_000)}`);
  for (let pieces = 0; pieces < 50; pieces += 1) expect(lines.push(piece)).toEqual([]);
  const [line] = lines.rest();
  expect(line?.tooLong).toBe(50 * piece.length);
  expect(line?.text).toMatch(/^x€+$/);
  expect(bytes(line?.text ?? '').length).toBeLessThanOrEqual(65_536);
  expect(bytes(line?.text ?? '').length).toBeGreaterThan(65_530);
});
