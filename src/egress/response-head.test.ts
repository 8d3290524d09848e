import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from './refusal.ts';
import { parseResponseHead, upstreamKeepsAlive } from './response-head.ts';

const LIMITS = { maxHeadBytes: 4096, maxHeaders: 20 };

function parse(text: string) {
  return parseResponseHead(Buffer.from(text, 'latin1'), LIMITS);
}

test('a response head is read with or without a reason', () => {
  expect(parse('HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n')).toMatchObject({ status: 404, reason: 'Not Found' });
  expect(parse('HTTP/1.1 200 \r\n\r\n')).toMatchObject({ status: 200, reason: '' });
  expect(parse('HTTP/1.0 200\r\n\r\n')).toMatchObject({ status: 200, version: '1.0' });
});

test.each([
  'HTTP/2 200 OK\r\n\r\n',
  'ICY 200 OK\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 999 OK\r\n\r\n',
  'HTTP/1.1  200 OK\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
  'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
  'HTTP/1.1 200 OK\nA: b\r\n\r\n',
  'HTTP/1.1 200 O\x00K\r\n\r\n',
])('%j is refused as the upstream’s fault', (text) => {
  expect(() => parse(text)).toThrow(Refusal);
  expect(() => parse(text)).toThrow(expect.objectContaining({ status: 502 }));
});

test('a connection is kept only for HTTP/1.1 without close', () => {
  expect(upstreamKeepsAlive(parse('HTTP/1.1 200 OK\r\n\r\n'))).toBe(true);
  expect(upstreamKeepsAlive(parse('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'))).toBe(false);
  expect(upstreamKeepsAlive(parse('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n'))).toBe(false);
});

test('a good head with a few bytes changed is refused, or says what stands in it', () => {
  const good = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\n';
  const change = fc.tuple(fc.nat(good.length), fc.nat(2), fc.string({ unit: 'binary', maxLength: 2 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let text = good;
      for (const [at, length, put] of changes) text = text.slice(0, at) + put + text.slice(at + length);
      try {
        const head = parse(text);
        expect(head.status).toBeGreaterThanOrEqual(100);
        expect(head.status).toBeLessThan(600);
        for (const { value } of head.fields) expect(value).not.toMatch(/[\r\n\0]/);
        expect(head.reason).not.toMatch(/[\r\n\0]/);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 10_000 },
  );
});
