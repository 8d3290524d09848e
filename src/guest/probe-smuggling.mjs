// Requests with two readings: where does one end, which path is meant? Each is refused, or answered as the one request that
// it is; what follows it on the wire never becomes a second one. The control is the same request in its one clear form.
import { egressAnswers, MARK, NOBODY, request, send } from './probe-kit.mjs';

const target = `${MARK}smuggling`;
const SECOND = request({ target: `${MARK}smuggled` });

/** Heads: the fields of an otherwise good POST. */
const FRAMINGS = {
  'length-and-chunked': ['Content-Length: 5', 'Transfer-Encoding: chunked'],
  'chunked-and-length': ['Transfer-Encoding: chunked', 'Content-Length: 5'],
  'two-lengths': ['Content-Length: 5', 'Content-Length: 5'],
  'two-different-lengths': ['Content-Length: 5', 'Content-Length: 50'],
  'list-of-lengths': ['Content-Length: 5, 5'],
  'signed-length': ['Content-Length: +5'],
  'negative-length': ['Content-Length: -5'],
  'hexadecimal-length': ['Content-Length: 0x5'],
  'fractional-length': ['Content-Length: 5.0'],
  'huge-length': [`Content-Length: ${'9'.repeat(30)}`],
  'space-in-length': ['Content-Length: 5 5'],
  'empty-length': ['Content-Length:'],
  'other-encoding': ['Transfer-Encoding: xchunked'],
  'list-of-encodings': ['Transfer-Encoding: identity, chunked'],
  'chunked-not-last': ['Transfer-Encoding: chunked, gzip'],
  'two-encodings': ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
  'quoted-encoding': ['Transfer-Encoding: "chunked"'],
  'vertical-tab-encoding': ['Transfer-Encoding: \x0bchunked'],
  'space-before-colon': ['Content-Length : 5'],
  'space-before-encoding-colon': ['Transfer-Encoding : chunked'],
  'folded-field': ['X-Folded: a\r\n Content-Length: 5'],
  'folded-with-tab': ['Transfer-Encoding:\r\n\tchunked'],
  'bare-line-feed': ['X-A: b\nContent-Length: 5'],
  'bare-carriage-return': ['X-A: b\rContent-Length: 5'],
  'nul-in-value': ['X-A: b\0c'],
  'control-in-value': ['X-A: b\x08c'],
  'nul-in-name': ['X\0A: b'],
  'field-without-colon': ['X-A'],
  'field-without-name': [': b'],
  'space-in-name': ['X A: b'],
  'leading-space': [' X-A: b'],
};

const LINES = {
  'two-spaces': `GET  ${target} HTTP/1.1`,
  'tab-in-line': `GET\t${target}\tHTTP/1.1`,
  'lower-case-method': `get ${target} HTTP/1.1`,
  'method-with-colon': `GET: ${target} HTTP/1.1`,
  'no-version': `GET ${target}`,
  'version-lower-case': `GET ${target} http/1.1`,
  'version-1.2': `GET ${target} HTTP/1.2`,
  'version-with-tail': `GET ${target} HTTP/1.1 x`,
  'space-in-target': `GET ${target} x HTTP/1.1`,
  'asterisk-target': 'GET * HTTP/1.1',
  'relative-target': 'GET verify HTTP/1.1',
};

const PATHS = {
  'encoded-dots': '/a/%2e%2e/b',
  'dot-with-parameter': '/a/..;/b',
  'climbs-out': '/../../etc/passwd',
  'two-slashes': '//evil.invalid/',
  'inner-slashes': '/a//b',
  backslash: '/a\\..\\b',
  'encoded-backslash': '/a/%5c..%5cb',
  'encoded-slash-dots': '/a%2f..%2fb',
  'encoded-twice': '/a/%252e%252e/b',
  'encoded-nul': '/a%00b',
  'encoded-line-break': '/a%0d%0ab',
  'broken-escape': '/a%zz',
  'overlong-utf-8': '/a%c0%ae%c0%ae/b',
  'raw-utf-8': '/\u00e4',
  fragment: '/a#b',
  'nul-in-query': '/a?b=%00',
};

/** Bodies that end in two ways; what follows must stay unread. */
const BODIES = {
  'bytes-after-body': [['Content-Length: 0'], SECOND, 2],
  'request-in-body': [[`Content-Length: ${SECOND.length}`], SECOND, 1],
  'chunk-size-signed': [['Transfer-Encoding: chunked'], `+5\r\nhello\r\n0\r\n\r\n${SECOND}`, 1],
  'chunk-size-hexadecimal-mark': [['Transfer-Encoding: chunked'], `0x5\r\nhello\r\n0\r\n\r\n${SECOND}`, 1],
  'chunk-size-too-large': [['Transfer-Encoding: chunked'], `fffffffffffffffff\r\nhello\r\n0\r\n\r\n${SECOND}`, 1],
  'chunk-without-end': [['Transfer-Encoding: chunked'], `5\r\nhelloX0\r\n\r\n${SECOND}`, 1],
  'chunk-line-feeds': [['Transfer-Encoding: chunked'], `5\nhello\n0\n\n${SECOND}`, 1],
  'length-in-trailer': [['Transfer-Encoding: chunked'], `0\r\nContent-Length: 50\r\n\r\n${SECOND}`, 1],
};

const MALFORMED = /^(400|417|431|505) <malformed>( \+ |$)/;
const count = (text) => (text.match(/\d{3} </g) ?? []).length;

export default function smuggling() {
  const control = egressAnswers();
  const whole = {
    ofEgress: true,
    attempt: () => send('plain', post(['Content-Length: 5'], 'hello')),
    passes: /^403 <address>/,
  };
  return [
    ...Object.entries(FRAMINGS).map(([id, fields]) => ({
      id,
      quick: id === 'length-and-chunked',
      expected: 'refused as malformed, and nothing behind it read',
      attempt: () => send('plain', post(fields, `hello${SECOND}`)),
      passes: (text) => MALFORMED.test(text) && count(text) === 1,
      control: whole,
    })),
    ...Object.entries(LINES).map(([id, line]) => ({
      id,
      expected: 'refused as malformed',
      attempt: () => send('plain', `${line}\r\nHost: ${NOBODY}\r\n\r\n`),
      passes: (text) => text === 'closed' || (MALFORMED.test(text) && count(text) === 1),
      control,
    })),
    ...Object.entries(PATHS).map(([id, path]) => ({
      id: `path-${id}`,
      quick: id === 'encoded-dots',
      expected: 'refused as malformed',
      attempt: () => send('plain', request({ target: path })),
      passes: (text) => MALFORMED.test(text) && count(text) === 1,
      control,
    })),
    ...Object.entries(BODIES).map(([id, [fields, body, most]]) => ({
      id,
      expected: `at most ${most === 1 ? 'one answer' : 'one answer to each request'}, none but refusals`,
      attempt: () => send('plain', post(fields, body)),
      passes: (text) => /^(403 <address>|400 <malformed>)/.test(text) && count(text) <= most,
      control: whole,
    })),
    {
      id: 'pipelined',
      expected: 'requests sent ahead are judged one by one',
      attempt: () => send('plain', SECOND.repeat(3)),
      passes: /^403 <address>( \+ 403 <address>){0,2}$/,
      control,
    },
    {
      id: 'encoding-in-1.0',
      expected: 'chunks in an HTTP/1.0 request are refused',
      attempt: () => send('plain', request({ version: 'HTTP/1.0', target, fields: ['Transfer-Encoding: chunked'] })),
      passes: MALFORMED,
      control,
    },
    {
      id: 'head-too-large',
      expected: 'a head beyond its bound is refused',
      attempt: () => send('plain', request({ target, fields: [`X-A: ${'a'.repeat(100_000)}`] })),
      passes: /^(431 <malformed>|closed)/,
      control,
    },
    {
      id: 'too-many-fields',
      expected: 'more fields than the bound are refused',
      attempt: () => send('plain', request({ target, fields: Array.from({ length: 1000 }, (_, n) => `X-${n}: a`) })),
      passes: /^4\d\d <malformed>/,
      control,
    },
  ];
}

function post(fields, body) {
  return request({ method: 'POST', target, fields, body });
}
