import { expect, test } from 'vitest';
import { writeRefusal } from './refuse.ts';

const ANSWER = {
  status: 403,
  rule: '<default-deny>',
  reason: 'no rule allows "it"',
  remedy: "ironcage policy allow 'GET h.example/'",
  method: 'GET',
  host: 'h.example',
  path: '/',
};

test('a refusal is a complete JSON response of one shape', () => {
  const text = writeRefusal(ANSWER, true).toString();
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head.split('\r\n')).toEqual([
    'HTTP/1.1 403 Forbidden',
    'Content-Type: application/json',
    'Cache-Control: no-store',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]);
  const { status: _, ...rest } = ANSWER;
  expect(JSON.parse(body)).toEqual({ error: 'refused', blockedBy: 'ironcage', ...rest });
});

test('HEAD gets the head alone, and a connection that goes on is not closed', () => {
  const text = writeRefusal(ANSWER, false, true).toString();
  expect(text.endsWith('\r\n\r\n')).toBe(true);
  expect(text).not.toContain('Connection');
});

test('a long path is cut, and no text can add a header', () => {
  const text = writeRefusal({ ...ANSWER, reason: 'a\r\nX-Evil: b', path: `/${'x'.repeat(10_000)}` }, true).toString();
  expect(text.length).toBeLessThan(4000);
  expect(text).not.toContain('\r\nX-Evil');
});
