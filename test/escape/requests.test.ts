// What a cage may send is judged as it will be understood: no two readings of one request, no second request behind the
// first, no other host behind the allowed one, no protocol but the one that was judged.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let cage: TestCage;
let upstream: Upstream;

beforeAll(async () => {
  upstream = await startUpstream('api.test');
  cage = await startTestCage('requests', {
    options: {
      allow: ['api.test', 'other.test'],
      routes: ['api.test', 'other.test'].map((host) => upstream.route(host)),
    },
  });
});
afterAll(async () => {
  await cage.remove();
  await upstream.close();
});

interface RawRequest {
  /** Name in the TLS handshake; undefined: no TLS. */
  tls?: string | undefined;
  /** Where the connection goes. Default: the TLS name, port 443. */
  dial?: readonly [host: string, port: number];
  /** Sent in clear text ahead of TLS; what answers it is read first. */
  before?: string;
}

/** Sends bytes as they are, reads until the other side closes or has been silent for a second, prints what came. */
function sending(bytes: string, { tls = 'api.test', dial = [tls, 443], before }: RawRequest = {}): string {
  return `
import socket, ssl
raw = ${JSON.stringify(bytes)}.encode('latin-1')
s = socket.create_connection((${JSON.stringify(dial[0])}, ${dial[1]}), 10)
before = ${before === undefined ? 'None' : `${JSON.stringify(before)}.encode('latin-1')`}
if before is not None:
    s.sendall(before)
    print(s.recv(4096).decode('latin-1'))
if ${JSON.stringify(tls)}:
    s = ssl.create_default_context(cafile='/ironcage/ca.pem').wrap_socket(s, server_hostname=${JSON.stringify(tls)})
s.sendall(raw)
s.settimeout(1)
try:
    while data := s.recv(65536):
        print(data.decode('latin-1'))
except (TimeoutError, ConnectionResetError, ssl.SSLError):
    print('(open)')
`;
}

const HEAD = 'GET /control HTTP/1.1\r\nHost: api.test\r\n';
const post = (...lines: readonly string[]): string =>
  ['POST /smuggled HTTP/1.1', 'Host: api.test', ...lines].join('\r\n');
const SECOND = 'GET /second HTTP/1.1\r\nHost: never.test\r\nConnection: close\r\n\r\n';

const MALFORMED: readonly (readonly [id: string, what: string, bytes: string])[] = [
  [
    'ESC-22a',
    'a length beside a transfer coding',
    post('Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', '', ''),
  ],
  [
    'ESC-22b',
    'a transfer coding beside a length',
    post('Transfer-Encoding: chunked', 'Content-Length: 5', '', '0', '', ''),
  ],
  ['ESC-22c', 'two lengths that differ', post('Content-Length: 5', 'Content-Length: 6', '', 'aaaaaa')],
  ['ESC-22d', 'a length with a sign', post('Content-Length: +5', '', 'aaaaa')],
  ['ESC-22e', 'a length in hexadecimal', post('Content-Length: 0x5', '', 'aaaaa')],
  ['ESC-22f', 'a header that is folded', post('Content-Length: 0', 'X-A: b', ' c: d', '', '')],
  ['ESC-22g', 'lines that end in LF alone', 'GET /smuggled HTTP/1.1\nHost: api.test\n\n'],
  ['ESC-22h', 'a blank before the colon', post('Content-Length : 5', '', 'aaaaa')],
  ['ESC-22i', 'an unknown transfer coding', post('Transfer-Encoding: xchunked', '', '0', '', '')],
  ['ESC-22j', 'a transfer coding behind a tab', post('Transfer-Encoding:\tchunked, identity', '', '0', '', '')],
  ['ESC-22k', 'a NUL in a header', post('X-A: a\0b', 'Content-Length: 0', '', '')],
  ['ESC-22l', 'a carriage return in a header', post('X-A: a\rb', 'Content-Length: 0', '', '')],
  ['ESC-22m', 'a request without a version', 'GET /smuggled\r\n\r\n'],
  ['ESC-22n', 'a request without Host', 'GET /smuggled HTTP/1.1\r\n\r\n'],
  ['ESC-22o', 'two Hosts', 'GET /smuggled HTTP/1.1\r\nHost: api.test\r\nHost: other.test\r\n\r\n'],
  ['ESC-01', 'a NUL in the name', 'GET /smuggled HTTP/1.1\r\nHost: never.test\0.api.test\r\n\r\n'],
  ['ESC-02', 'another allowed host behind this one', 'GET /smuggled HTTP/1.1\r\nHost: other.test\r\n\r\n'],
  ['ESC-03', 'another host in the target', 'GET https://other.test/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n'],
  ['ESC-03b', 'another port in Host', 'GET /smuggled HTTP/1.1\r\nHost: api.test:8443\r\n\r\n'],
  [
    'ESC-25a',
    'an upgrade to HTTP/2 in clear text',
    `${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  ],
  ['ESC-25b', 'the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['ESC-28a', 'a path that decodes twice', 'GET /%252e%252e/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n'],
  ['ESC-28b', 'a path with a backslash', 'GET /a\\..\\smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n'],
  ['ESC-30a', 'TRACE', 'TRACE /smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n'],
  ['ESC-30b', 'CONNECT inside TLS', 'CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n'],
  ['ESC-29a', 'SSH inside TLS', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
];

describe('A request with two readings reaches nobody', () => {
  for (const [id, what, bytes] of MALFORMED) {
    test(`${id}: ${what}`, async () => {
      const control = await cage.python(sending(`${HEAD}Connection: close\r\n\r\n`));
      expect(control.stdout).toMatch(/^HTTP\/1\.1 200 [^]*"url":"\/control"/);
      const before = upstream.arrivals.length;
      const seen = await cage.python(sending(bytes));
      expect(seen.stdout, seen.stderr).not.toContain('"arrived"');
      expect(seen.stdout, seen.stderr).toMatch(/^(?:HTTP\/1\.1 [45]\d\d |$)/);
      expect(upstream.arrivals.slice(before)).toEqual([]);
    });
  }
});

describe('Bytes behind a request are a request of their own', () => {
  const first = 'GET /first HTTP/1.1\r\nHost: api.test\r\n\r\n';
  const pipelined: readonly (readonly [id: string, what: string, bytes: string])[] = [
    ['ESC-23', 'a request to another host, pipelined', first + SECOND],
    [
      'ESC-24',
      'a request hidden behind a chunked body',
      `${post('Transfer-Encoding: chunked', '', '0', '', '')}${SECOND}`,
    ],
    ['ESC-22p', 'a request behind a body of a given length', `${post('Content-Length: 2', '', 'aa')}${SECOND}`],
  ];
  for (const [id, what, bytes] of pipelined) {
    test(`${id}: ${what} is judged and refused`, async () => {
      const before = upstream.arrivals.length;
      const { stdout } = await cage.python(sending(bytes));
      expect(stdout).toMatch(/^HTTP\/1\.1 200 [^]*HTTP\/1\.1 421 [^]*"rule":"<authority>"/);
      expect(upstream.arrivals.slice(before).map(({ url }) => url)).toHaveLength(1);
      expect(upstream.arrivals.slice(before).map(({ url, body }) => url + body)).not.toContain('/second');
    });
  }
});

describe('What is dialled, what the handshake names and what the request names are one', () => {
  const request = `${HEAD}Connection: close\r\n\r\n`;
  const CONNECT_API = 'CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n';
  const proxy = ['127.0.0.1', 3128] as const;
  const mismatches: readonly (readonly [id: string, what: string, options: RawRequest, bytes: string])[] = [
    [
      'ESC-02b',
      'the address of one host, the handshake of another',
      { tls: 'api.test', dial: ['other.test', 443] },
      request,
    ],
    [
      'ESC-03c',
      'CONNECT to one host, the handshake of another',
      { tls: 'other.test', dial: proxy, before: CONNECT_API },
      request,
    ],
    ['ESC-29b', 'SSH inside CONNECT', { tls: '', dial: proxy, before: CONNECT_API }, 'SSH-2.0-OpenSSH_9.2\r\n'],
    [
      'ESC-29c',
      'nothing anybody knows inside CONNECT',
      { tls: '', dial: proxy, before: CONNECT_API },
      '\u0001\u0002\u0003\u0004\r\n\r\n',
    ],
    ['ESC-29d', 'SSH on the port of TLS', { tls: '', dial: ['api.test', 443] }, 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['ESC-29e', 'plain HTTP on the port of TLS', { tls: '', dial: ['api.test', 443] }, request],
  ];
  for (const [id, what, options, bytes] of mismatches) {
    test(`${id}: ${what} reaches nobody`, async () => {
      const control = await cage.python(sending(request, { tls: 'api.test', dial: proxy, before: CONNECT_API }));
      expect(control.stdout).toContain('"url":"/control"');
      const before = upstream.arrivals.length;
      const seen = await cage.python(sending(bytes, options));
      expect(seen.stdout, seen.stderr).not.toContain('"arrived"');
      expect(upstream.arrivals.slice(before)).toEqual([]);
    });
  }
});

test('ESC-04: the address that a client chose is not where an allowed name leads', async () => {
  const { stdout } = await cage.sh(
    'curl -sS -m 20 --noproxy "*" --resolve api.test:443:203.0.113.9 https://api.test/here',
  );
  expect(stdout).toContain('"url":"/here"');
});
