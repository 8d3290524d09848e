import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { harBody } from './har-body.ts';

const TEXT = Buffer.from(`{"says":"${'grüße '.repeat(50)}"}`);

test.each([
  ['', TEXT],
  ['identity', TEXT],
  ['gzip', gzipSync(TEXT)],
  ['GZIP', gzipSync(TEXT)],
  ['deflate', deflateSync(TEXT)],
  ['deflate', deflateRawSync(TEXT)],
  ['br', brotliCompressSync(TEXT)],
  ['gzip, br', brotliCompressSync(gzipSync(TEXT))],
])('a body that was sent as %s is shown as its text', (codings, bytes) => {
  expect(harBody(bytes, codings, false)).toEqual({ body: { text: TEXT.toString() }, size: TEXT.length });
});

test.each([
  ['zstd', TEXT],
  ['gzip', TEXT],
  ['br', Buffer.from('no brotli')],
  ['gzip', gzipSync(Buffer.alloc(4 * 1024 * 1024))],
  ['gzip, gzip, gzip, gzip', TEXT],
])('what is no %s, or too much of it, stays as it came', (codings, bytes) => {
  const { body } = harBody(bytes, codings, false);
  expect(Buffer.from(body.text, body.encoding ?? 'utf8')).toEqual(bytes);
  expect(body.comment).toContain('still compressed');
});

test.each([
  ['gzip', gzipSync(TEXT).subarray(0, -12)],
  ['br', brotliCompressSync(TEXT, { chunkSize: 64 }).subarray(0, -1)],
  ['', TEXT.subarray(0, 12)],
])('of a body in %s that is cut, what there is is shown', (codings, bytes) => {
  const { body } = harBody(bytes, codings, true);
  expect(body.encoding).toBeUndefined();
  expect(TEXT.toString().startsWith(body.text)).toBe(true);
  expect(body.comment).toContain('truncated');
});

test('bytes that are no text are base64', () => {
  expect(harBody(Buffer.from([0, 255, 1]), '', false).body).toEqual({ text: 'AP8B', encoding: 'base64' });
});

test('whatever the bytes and the codings, a body within its bound comes out', () => {
  const coding = fc.constantFrom('', 'gzip', 'deflate', 'br', 'gzip, br', 'x');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), coding, fc.boolean(), (bytes, codings, isCut) => {
      const { body, size } = harBody(Buffer.from(bytes), codings, isCut);
      expect(size).toBeLessThanOrEqual(1024 * 1024);
      expect(typeof body.text).toBe('string');
    }),
    { numRuns: 10_000 },
  );
});
