// Who a cage talks to: a name leads nowhere but to public addresses, whatever resolves it; what a handshake shows, hides or
// claims is not what a rule is asked about unless it is what the request says; and no name is more than a name.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { policyAllow, policyShow } from '../../src/index.ts';
import { portOf } from '../integration/egress-rig.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests } from '../support/escape-case.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let cage: TestCage;
let upstream: Upstream;
const arrived: string[] = [];
const local: Server[] = [];
/** On loopback both: the rule for the first says that a private address is meant. */
let meant = 0;
let unmeant = 0;

beforeAll(async () => {
  upstream = await startUpstream('api.test');
  [meant, unmeant] = [await startLocal(), await startLocal()];
  cage = await startTestCage('identity', {
    options: {
      allow: ['api.test', 'other.test', `http://localhost:${meant} private`, `http://localhost:${unmeant}`],
      routes: ['api.test', 'other.test'].map((host) => upstream.route(host)),
    },
  });
});
afterAll(async () => {
  await cage?.remove();
  await upstream?.close();
  for (const server of local) server.close();
});

async function startLocal(): Promise<number> {
  const server = createServer((request, response) => {
    arrived.push(`${request.headers.host} ${request.url}`);
    response.end('a service of the host');
  });
  local.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return portOf(server);
}

/** By the egress for certain: `localhost` is elsewhere the cage's own. */
const curl = (url: string): string => `curl -sS -m 20 -w '\\n%{http_code}' --noproxy '' -x 127.0.0.1:3128 ${url} 2>&1`;

test('ESC-06: an allowed name that resolves to a private address leads nowhere, unless its rule says private', async () => {
  expect((await cage.sh(curl(`http://localhost:${meant}/control`))).stdout).toBe('a service of the host\n200');
  expect((await cage.sh(curl(`http://localhost:${unmeant}/`))).stdout).toMatch(/"rule":"<address>"[^]*\n403$/);
  expect(arrived).toEqual([`localhost:${meant} /control`]);
});

/**
 * A client whose hello carries an encrypted one, as browsers send it: the library beneath Python's ssl is asked for it, so
 * that the handshake is a whole and true one. Prints what the request gets, or `cut`.
 */
const hello = (outer: string, host: string): string => `
import ctypes, os, socket
tls, pointer = ctypes.CDLL('libssl.so.3'), ctypes.c_void_p
for name in ('TLS_client_method', 'SSL_CTX_new', 'SSL_new'):
    getattr(tls, name).restype = pointer
inner = b'\\0' + b'\\0\\1\\0\\1' + b'\\7' + b'\\0\\x20' + os.urandom(32) + b'\\0\\xa0' + os.urandom(160)
held = ctypes.create_string_buffer(inner, len(inner))
added = []
@ctypes.CFUNCTYPE(ctypes.c_int, pointer, ctypes.c_uint, ctypes.POINTER(pointer), ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_int), pointer)
def add(ssl, kind, out, length, alert, argument):
    out[0], length[0] = ctypes.addressof(held), len(inner)
    added.append(kind)
    return 1
context = pointer(tls.SSL_CTX_new(pointer(tls.TLS_client_method())))
assert tls.SSL_CTX_add_client_custom_ext(context, 0xfe0d, add, None, None, None, None) == 1
ssl = pointer(tls.SSL_new(context))
raw = socket.create_connection((${JSON.stringify(outer)}, 443), 10)
raw.settimeout(None)
tls.SSL_set_fd(ssl, raw.fileno())
tls.SSL_ctrl(ssl, 55, 0, ${JSON.stringify(outer)}.encode())
connected = tls.SSL_connect(ssl) == 1
assert added == [0xfe0d]
if connected:
    request = b'GET /here HTTP/1.1\\r\\nHost: ${host}\\r\\nConnection: close\\r\\n\\r\\n'
    tls.SSL_write(ssl, request, len(request))
    answer = ctypes.create_string_buffer(65536)
    while (count := tls.SSL_read(ssl, answer, 65536)) > 0:
        print(answer.raw[:count].decode('latin-1'), end='')
else:
    print('cut')
`;

const ECH = {
  on: 'inside',
  script: hello('api.test', 'api.test'),
  shows: /^HTTP\/1\.1 200 [^]*"arrived":true/,
} as const;
const http2 = (host: string): string =>
  `curl -sS -m 20 --http2 -w '\\n%{http_version} %{http_code}' -H 'Host: ${host}' https://api.test/here 2>&1`;

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-14a',
      attempt: 'an encrypted hello behind an allowed name does not carry a request to a host that nobody allowed',
      script: hello('api.test', 'never.test'),
      language: 'python',
      fails: /^HTTP\/1\.1 421 [^]*"rule":"<authority>"/,
      control: ECH,
    },
    {
      id: 'ESC-14b',
      attempt: 'an encrypted hello behind an allowed name does not carry a request to another allowed one',
      script: hello('api.test', 'other.test'),
      language: 'python',
      fails: /^HTTP\/1\.1 421 [^]*"rule":"<authority>"/,
      control: ECH,
    },
    {
      id: 'ESC-14c',
      attempt: 'a name that nobody allowed is refused with an encrypted hello as without',
      script: hello('never.test', 'never.test'),
      language: 'python',
      fails: /^HTTP\/1\.1 403 [^]*"rule":"<default-deny>"/,
      control: ECH,
    },
    ...(
      [
        ['ESC-14d', 'never.test'],
        ['ESC-14e', 'other.test'],
      ] as const
    ).map(([id, host]) => ({
      id,
      attempt: `a stream of HTTP/2 names ${host} where the handshake named another host`,
      script: http2(host),
      fails: /"rule":"<authority>"[^]*\n2 421$/,
      control: { on: 'inside', script: http2('api.test'), shows: /"arrived":true[^]*\n2 200$/ } as const,
    })),
  ],
);

const NAMES: readonly string[] = [
  'never.test","effect":"allow","host":"*',
  'api.test allow never.test',
  'api.test\tnever.test',
  'api.test\nallow never.test',
  'api.test;never.test',
  '${HOME}.test',
  '$(id).test',
  '*',
  '**.test',
];

test('ESC-32: text of a configuration in the name of a host is no configuration', async () => {
  const request = (name: string): string => `
import socket
s = socket.create_connection(('api.test', 80), 10)
s.sendall(b'GET /here HTTP/1.1\\r\\nHost: ' + ${JSON.stringify(name)}.encode() + b'\\r\\nConnection: close\\r\\n\\r\\n')
answer = b''
while piece := s.recv(65536):
    answer += piece
print(answer.decode())
`;
  expect((await cage.python(request('never.test'))).stdout).toMatch(/^HTTP\/1\.1 4[^]*"rule":"<[a-z-]+>"/);
  const before = await policyShow(cage.context, cage.name);
  expect(before.rules).toHaveLength(4);
  const arrivals = upstream.arrivals.length;
  for (const name of NAMES) {
    expect((await cage.python(request(name))).stdout, name).toMatch(/^HTTP\/1\.1 4\d\d /);
    // Nor is it a rule.
    const added = policyAllow(cage.context, cage.name, [`http://${name}`]);
    await expect(added, name).rejects.toMatchObject({ name: 'IronError' });
  }
  expect(upstream.arrivals.length).toBe(arrivals);
  expect(await policyShow(cage.context, cage.name)).toEqual(before);
});
