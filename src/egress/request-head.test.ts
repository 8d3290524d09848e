import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeRequestHead } from './head-writer.ts';
import { Refusal } from './refusal.ts';
import { clientKeepsAlive, expectsContinue, parseRequestHead, wantsWebSocket } from './request-head.ts';

const LIMITS = { maxHeadBytes: 4096, maxHeaders: 20 };
const RUNS = 10_000;

function parse(text: string) {
  return parseRequestHead(Buffer.from(text, 'latin1'), LIMITS);
}

function parseFields(version: string, fields: string) {
  return parse(`GET / HTTP/${version}\r\nHost: h\r\n${fields}\r\n\r\n`);
}

function statusOf(work: () => unknown): number {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error.status;
    throw error;
  }
  return 200;
}

test('a plain request is read field by field', () => {
  const head = parse('GET /a?b=c HTTP/1.1\r\nHost: h.example\r\nX-Two:  spaced \t\r\nAccept:\r\n\r\n');
  expect(head).toEqual({
    method: 'GET',
    target: { form: 'origin', target: '/a?b=c' },
    version: '1.1',
    host: 'h.example',
    fields: [
      { name: 'host', spelled: 'Host', value: 'h.example' },
      { name: 'x-two', spelled: 'X-Two', value: 'spaced' },
      { name: 'accept', spelled: 'Accept', value: '' },
    ],
  });
});

test.each([
  ['two spaces before the target', 'GET  / HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['a target with a space', 'GET /a b HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['a lower-case method', 'get / HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['a method with a separator', 'GE(T / HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['an empty line first', '\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: h\r\n\r\n', 505],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: h\r\n\r\n', 505],
  ['HTTP/1.10', 'GET / HTTP/1.10\r\nHost: h\r\n\r\n', 505],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\n', 505],
  ['a lower-case protocol', 'GET / http/1.1\r\nHost: h\r\n\r\n', 400],
  ['an asterisk target', 'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['a target without a slash', 'GET a HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['a URL of another scheme', 'GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['no host', 'GET / HTTP/1.1\r\nX: y\r\n\r\n', 400],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : h\r\n\r\n', 400],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n', 400],
  ['a field before which a tab stands', 'GET / HTTP/1.1\r\n\tHost: h\r\n\r\n', 400],
  ['a line without a colon', 'GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n', 400],
  ['an empty name', 'GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n', 400],
  ['a bare line feed', 'GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n', 400],
  ['a bare carriage return', 'GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n', 400],
  ['a NUL in a value', 'GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n', 400],
  ['a control in a value', 'GET / HTTP/1.1\r\nHost: h\r\nX: a\x0bb\r\n\r\n', 400],
  ['a DEL in a value', 'GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fb\r\n\r\n', 400],
  ['a high byte in a name', 'GET / HTTP/1.1\r\nHost: h\r\nX\xe9: a\r\n\r\n', 400],
  ['a high byte in the target', 'GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n', 400],
  ['too many fields', `GET / HTTP/1.1\r\nHost: h\r\n${'X: y\r\n'.repeat(20)}\r\n`, 431],
  ['too many bytes', `GET / HTTP/1.1\r\nHost: h\r\nX: ${'y'.repeat(4096)}\r\n\r\n`, 431],
])('%s is refused', (_, text, status) => {
  expect(statusOf(() => parse(text))).toBe(status);
});

test.each([
  ['GET http://h.example/p?q HTTP/1.1', { form: 'absolute', scheme: 'http', authority: 'h.example', target: '/p?q' }],
  ['GET http://h.example:81 HTTP/1.1', { form: 'absolute', scheme: 'http', authority: 'h.example:81', target: '/' }],
  ['GET http://h.example?q HTTP/1.1', { form: 'absolute', scheme: 'http', authority: 'h.example', target: '/?q' }],
  ['CONNECT h.example:443 HTTP/1.1', { form: 'authority', authority: 'h.example:443' }],
])('%s has its own form of target', (line, target) => {
  expect(parse(`${line}\r\nHost: h.example\r\n\r\n`).target).toEqual(target);
});

test.each([
  ['Upgrade: websocket\r\nConnection: Upgrade', true],
  ['Upgrade: WebSocket\r\nConnection: keep-alive, upgrade', true],
  ['Upgrade: websocket', false],
  ['Upgrade: TLS/1.3\r\nConnection: Upgrade', false],
])('%j asks for a WebSocket: %s', (fields, expected) => {
  expect(wantsWebSocket(parse(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n\r\n`))).toBe(expected);
});

test.each([
  'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABk',
  'Upgrade: websocket, h2c\r\nConnection: Upgrade',
  'Upgrade: websocket, other\r\nConnection: Upgrade',
])('the upgrade %j is refused', (fields) => {
  const head = parse(`GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n\r\n`);
  expect(statusOf(() => wantsWebSocket(head))).toBe(400);
});

test('only 100-continue may be expected', () => {
  expect(expectsContinue(parseFields('1.1', 'Expect: 100-Continue'))).toBe(true);
  expect(statusOf(() => expectsContinue(parseFields('1.1', 'Expect: 200-ok')))).toBe(417);
});

test('CONNECT may leave Host out, and then means its target', () => {
  expect(parse('CONNECT h.example:443 HTTP/1.0\r\n\r\n').host).toBe('h.example:443');
});

test('a connection is kept for HTTP/1.1 without close, and never for HTTP/1.0', () => {
  expect(clientKeepsAlive(parseFields('1.1', 'Accept: x'))).toBe(true);
  expect(clientKeepsAlive(parseFields('1.1', 'Connection: Close'))).toBe(false);
  expect(clientKeepsAlive(parseFields('1.0', 'Connection: keep-alive'))).toBe(false);
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/).filter((name) => name.toLowerCase() !== 'host');
const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);

test('what is parsed and written anew parses to the same again', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(token, value), { maxLength: 8 }), (fields) => {
      const text = `GET /p HTTP/1.1\r\nHost: h\r\n${fields.map(([name, text]) => `${name}: ${text}\r\n`).join('')}\r\n`;
      const first = parse(text);
      const written = writeRequestHead({
        method: first.method,
        target: '/p',
        authority: first.host,
        fields: first.fields.filter(({ name }) => name !== 'host'),
        framing: { kind: 'none' },
      });
      expect(parseRequestHead(written, LIMITS)).toEqual(first);
    }),
    { numRuns: RUNS },
  );
});

test('no bytes make the parser do anything but parse or refuse', () => {
  const piece = fc.constantFrom(
    'GET',
    ' ',
    '/',
    'HTTP/1.1',
    '\r\n',
    '\n',
    '\r',
    ':',
    'Host',
    'h',
    '\0',
    '\t',
    'é',
    '*',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      expect([200, 400, 431, 505]).toContain(statusOf(() => parse(`${pieces.join('')}\r\n\r\n`)));
    }),
    { numRuns: RUNS },
  );
});

test('a good head with a few bytes changed is refused, or read as what stands there now', () => {
  const good = 'GET /p?q HTTP/1.1\r\nHost: h\r\nAccept: a, b\r\nX-Y: z\r\n\r\n';
  const change = fc.tuple(
    fc.nat(good.length - 5),
    fc.integer({ min: 0, max: 2 }),
    fc.string({ unit: 'binary', maxLength: 2 }),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let text = good;
      for (const [at, removed, added] of changes) text = text.slice(0, at) + added + text.slice(at + removed);
      const bytes = Buffer.from(text, 'latin1');
      // The reader gives whole heads only: up to the first empty line.
      const end = bytes.indexOf('\r\n\r\n');
      if (end === -1) return;
      const whole = bytes.subarray(0, end + 4);
      if (statusOf(() => parseRequestHead(whole, LIMITS)) !== 200) return;
      const head = parseRequestHead(whole, LIMITS);
      const lines = whole.toString('latin1').slice(0, -4).split('\r\n');
      expect(head.fields.map(({ spelled, value }) => `${spelled}:${value}`)).toEqual(
        lines.slice(1).map((line) => line.replace(/^([^:]+):[ \t]*([^]*?)[ \t]*$/, '$1:$2')),
      );
      expect(lines[0]?.startsWith(`${head.method} `)).toBe(true);
    }),
    { numRuns: RUNS },
  );
});
