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
