import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestFraming, responseFraming } from './framing.ts';
import { Refusal } from './refusal.ts';
import { parseRequestHead } from './request-head.ts';
import { parseResponseHead } from './response-head.ts';

const LIMITS = { maxHeadBytes: 4096, maxHeaders: 20 };

function ofRequest(fields: string, version = '1.1') {
  const text = `POST / HTTP/${version}\r\nHost: h\r\n${fields}\r\n`;
  return requestFraming(parseRequestHead(Buffer.from(text, 'latin1'), LIMITS));
}

function ofResponse(method: string, status: number, fields: string, version = '1.1') {
  const text = `HTTP/${version} ${status} Text\r\n${fields}\r\n`;
  return responseFraming(method, parseResponseHead(Buffer.from(text, 'latin1'), LIMITS));
}

test.each([
  ['', { kind: 'none' }],
  ['Content-Length: 0\r\n', { kind: 'length', length: 0 }],
  ['Content-Length: 12\r\n', { kind: 'length', length: 12 }],
  ['Transfer-Encoding: chunked\r\n', { kind: 'chunked' }],
  ['Transfer-Encoding: Chunked\r\n', { kind: 'chunked' }],
])('a request with %j has one framing', (fields, framing) => {
  expect(ofRequest(fields)).toEqual(framing);
});

const AMBIGUOUS = [
  'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
  'Content-Length: 5\r\nContent-Length: 5\r\n',
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: -5\r\n',
  'Content-Length: 0x5\r\n',
  'Content-Length: 5.0\r\n',
  'Content-Length: 5 5\r\n',
  'Content-Length:\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer-Encoding: chunked, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: "chunked"\r\n',
  'Transfer-Encoding: chunked;q=1\r\n',
  'Transfer-Encoding:\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
];

test.each(AMBIGUOUS)('a request with %j is refused', (fields) => {
  expect(() => ofRequest(fields)).toThrow(Refusal);
});

test.each(AMBIGUOUS)('a response with %j is refused', (fields) => {
  expect(() => ofResponse('GET', 200, fields)).toThrow(Refusal);
});

test('HTTP/1.0 has no transfer encodings', () => {
  expect(() => ofRequest('Transfer-Encoding: chunked\r\n', '1.0')).toThrow(Refusal);
  expect(() => ofResponse('GET', 200, 'Transfer-Encoding: chunked\r\n', '1.0')).toThrow(Refusal);
});

test.each([
  ['GET', 200, '', { kind: 'until-close' }],
  ['GET', 200, 'Content-Length: 3\r\n', { kind: 'length', length: 3 }],
  ['HEAD', 200, 'Content-Length: 3\r\n', { kind: 'none' }],
  ['HEAD', 200, 'Transfer-Encoding: chunked\r\n', { kind: 'none' }],
  ['GET', 204, '', { kind: 'none' }],
  ['GET', 304, 'Content-Length: 3\r\n', { kind: 'none' }],
  ['GET', 103, '', { kind: 'none' }],
])('the response to %s with status %i and %j has one framing', (method, status, fields, framing) => {
  expect(ofResponse(method, status, fields)).toEqual(framing);
});

test('of any fields about length, at most one way to read them is taken', () => {
  const length = fc.oneof(
    fc.nat(99).map(String),
    fc.constantFrom('', '+1', '1, 1', '0x1', '1 1', '1e1', '１', '-0', '00'),
  );
  const coding = fc.constantFrom(
    'chunked',
    'CHUNKED',
    'gzip',
    'chunked, chunked',
    'identity',
    '',
    '\tchunked ',
    'chunked;a',
  );
  const line = fc.oneof(
    length.map((value) => `Content-Length: ${value}`),
    coding.map((value) => `Transfer-Encoding: ${value}`),
    fc.constantFrom('X: y', 'Content_Length: 5', 'Transfer-Encodin: chunked'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 3 }), fc.constantFrom('1.0', '1.1'), (lines, version) => {
      const fields = lines.map((each) => `${each}\r\n`).join('');
      const lengths = lines.filter((each) => each.startsWith('Content-Length:'));
      const codings = lines.filter((each) => each.startsWith('Transfer-Encoding:'));
      const isLength = lengths.length === 1 && codings.length === 0 && /^Content-Length: \d+$/.test(lengths[0] ?? '');
      const isChunked = codings.length === 1 && lengths.length === 0 && /: \s*chunked\s*$/i.test(codings[0] ?? '');
      const expected =
        lengths.length + codings.length === 0
          ? 'none'
          : isLength
            ? 'length'
            : isChunked && version === '1.1'
              ? 'chunked'
              : 'refused';
      expect(kindOf(() => ofRequest(fields, version))).toBe(expected);
      const responseKind = kindOf(() => ofResponse('GET', 200, fields, version));
      expect(responseKind).toBe(expected === 'none' ? 'until-close' : expected);
    }),
    { numRuns: 10_000 },
  );
});

function kindOf(work: () => { kind: string }): string {
  try {
    return work().kind;
  } catch (error) {
    if (error instanceof Refusal) return 'refused';
    throw error;
  }
}
