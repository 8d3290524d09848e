import { appendFileSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyOutput, type OutputCopy } from './output-copy.ts';

let root: string;
let inside: string;
let copies: OutputCopy[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-copy-'));
  inside = join(root, 'inside');
  copies = [];
});
afterEach(() => {
  for (const copy of copies) copy.close();
  rmSync(root, { recursive: true, force: true });
});

function open(maxBytes: number): OutputCopy {
  const target = { bytes: join(root, 'bytes'), times: join(root, 'times') };
  const copy = copyOutput({ open: () => openSync(inside, 'r'), target, clock: { now: () => 0 }, maxBytes });
  copies.push(copy);
  return copy;
}

test('takes over no more than its bound of a file that claims to be huge', () => {
  writeFileSync(inside, '');
  truncateSync(inside, 2 ** 40);
  const copy = open(100_000);
  expect(copy.left()).toBe(100_000);
  expect(copy.turn(() => undefined)).toBe(100_000);
  expect(copy.turn(() => undefined)).toBe(0);
  expect([copy.size(), copy.left()]).toEqual([100_000, 0]);
  expect(readFileSync(join(root, 'bytes'))).toHaveLength(100_000);
});

test('tells what was taken over before in pieces, and goes on behind it', () => {
  writeFileSync(inside, 'a'.repeat(200_000));
  open(2 ** 30).turn(() => undefined);
  appendFileSync(inside, 'bc');
  const copy = open(2 ** 30);
  const pieces: string[] = [];
  copy.again((piece) => pieces.push(piece.toString()));
  expect(pieces.join('')).toBe('a'.repeat(200_000));
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100_000);
  expect(copy.left()).toBe(2);
  const more: string[] = [];
  copy.turn((piece) => more.push(piece.toString()));
  expect(more).toEqual(['bc']);
});
