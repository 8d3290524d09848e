import { expect, test } from 'vitest';
import { FRAME, type FrameKind } from './capture-format.ts';
import type { CapturedFrame } from './capture-read.ts';
import { harEntry } from './har-entry.ts';
import type { AuditRecord } from './record.ts';

const RECORD: AuditRecord = {
  ...{ seq: 7, time: '2026-01-02T03:04:05.678Z', cage: 'c', direction: 'outbound', protocol: 'http', method: 'GET' },
  ...{ host: 'a.example', port: 443, path: '/x', decision: 'allow', rule: 'r', inspectors: [], secrets: [] },
  ...{ bytesOut: 0, bytesIn: 2, end: { of: 6, status: 200, outcome: 'complete', detail: '' }, prev: '', hash: '' },
};

function frame(kind: FrameKind, text: string, afterMs = 1): CapturedFrame {
  const content = Buffer.from(text, 'latin1');
  return { kind, content, bytes: content.length, seq: 7, timeMs: Date.parse(RECORD.time) + afterMs };
}

test.each([
  ['an empty last field', 'X-A: b\nX-Empty: \n', [{ name: 'X-Empty', value: '' }]],
  [
    'a last field that ends in a byte that some take for a blank',
    'X-A: b\nX-Odd: c\xa0\n',
    [{ name: 'X-Odd', value: 'c\xa0' }],
  ],
  ['a line that is no field', 'X-A: b\nnonsense\n', []],
])('the fields of a head with %s are those that were kept', (_, lines, rest) => {
  const entry = harEntry(RECORD, [
    frame(FRAME.request, `GET https://a.example/x 1.1\n${lines}`),
    frame(FRAME.response, `1.1 200 OK\n${lines}`, 5),
  ]);
  const headers = [{ name: 'X-A', value: 'b' }, ...rest];
  expect(entry.request.headers).toEqual(headers);
  expect(entry.response.headers).toEqual(headers);
  expect(entry).toMatchObject({ time: 5, response: { status: 200, statusText: 'OK' } });
});

test.each([
  ['was cut', '/x…(9000 characters)', '/x%E2%80%A6(9000%20characters)'],
  ['lost a secret', '/?key=[secret KEY]&\ud800', '/?key=[secret%20KEY]&%EF%BF%BD'],
])('the URL of a path that %s can be read as one', (_, path, written) => {
  const { url } = harEntry({ ...RECORD, path, decision: 'deny' }, []).request;
  expect(url).toBe(`https://a.example${written}`);
  expect(() => new URL(url)).not.toThrow();
});

test('a head that is none leaves a status that is a number', () => {
  const entry = harEntry(RECORD, [frame(FRAME.request, 'GET'), frame(FRAME.response, '1.1 what')]);
  expect(entry.response.status).toBe(200);
  expect(entry.request).toMatchObject({ method: 'GET', url: 'https://a.example/x' });
});

test('of WebSocket messages of which more went by than was kept, the entry says so', () => {
  const socket: AuditRecord = { ...RECORD, protocol: 'websocket' };
  const kept = [frame(FRAME.request, 'GET https://a.example/x 1.1\n'), frame(FRAME.messageInText, 'begin')];
  expect(harEntry(socket, kept).comment).toBeUndefined();
  expect(harEntry(socket, [...kept, frame(FRAME.responseCut, '')]).comment).toMatch(/^truncated/);
});
