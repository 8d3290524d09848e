// Raw bytes against the egress: whatever two parsers could read in two ways never reaches the upstream, and the same
// connection with the attack taken out does.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { allow, portOf, startRig, type Rig } from './egress-rig.ts';

const HOST = 'victim.example';
let rig: Rig;
let upstream: Server;
let received = '';
/** What the upstream answers to anything. */
let reply = '';
let upstreamConnections = 0;
const sockets = new Set<Socket>();

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

beforeAll(async () => {
  upstream = createServer((socket) => {
    upstreamConnections += 1;
    // Held back until an earlier answer is acknowledged, bytes would come together with the next request.
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
      socket.write(Buffer.from(reply, 'latin1'));
      if (reply.includes('X-Then-Close')) socket.end();
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  rig = await startRig({
    rules: (port) => [allow(HOST, { scheme: 'http', port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: portOf(upstream) }],
    limits: { headTimeoutMs: 300 },
  });
});

beforeEach(() => {
  received = '';
  reply = OK;
});

afterAll(async () => {
  await rig?.close();
  for (const socket of sockets) socket.destroy();
  upstream?.close();
});

/** Sends bytes on a fresh connection; gives all that came back until the egress closed, or until `until` was seen. */
function exchange(text: string, until?: string, port = rig.port): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')));
    socket.setTimeout(5000, () => socket.destroy(new Error(`no end after ${JSON.stringify(answer)}`)));
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      if (until !== undefined && answer.includes(until)) socket.destroy();
    });
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.on('close', () => resolve(answer));
  });
}

function request(line: string, fields: readonly string[], body = ''): string {
  return [line, `Host: ${HOST}:${rig.port}`, ...fields, '', body].join('\r\n');
}

test('the control: plain requests arrive, written anew', async () => {
  expect(await exchange(request('GET /a HTTP/1.1', ['X-One: 1']), 'ok')).toContain('200 OK');
  expect(received).toBe(`GET /a HTTP/1.1\r\nHost: ${HOST}:${rig.port}\r\nX-One: 1\r\n\r\n`);
});

test('the control: both framings arrive, each as exactly one', async () => {
  await exchange(request('POST /l HTTP/1.1', ['Content-Length: 5'], 'hello'), 'ok');
  expect(received).toBe(`POST /l HTTP/1.1\r\nHost: ${HOST}:${rig.port}\r\nContent-Length: 5\r\n\r\nhello`);
  received = '';
  const chunked = '3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n';
  await exchange(request('POST /c HTTP/1.1', ['Transfer-Encoding: chunked'], chunked), 'ok');
  expect(received).toContain('Transfer-Encoding: chunked\r\n\r\n');
  expect(received).not.toContain('ext');
  expect(received).not.toContain('Trailer');
  expect(received.replaceAll(/[0-9a-f]+\r\n|\r\n/g, '')).toContain('hello');
});

const NEXT = 'GET /smuggled HTTP/1.1\r\nHost: victim.example\r\n\r\n';

test.each<[string, string, string[], string]>([
  ['length and chunked', 'POST / HTTP/1.1', ['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${NEXT}`],
  ['chunked and length', 'POST / HTTP/1.1', ['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${NEXT}`],
  ['two lengths', 'POST / HTTP/1.1', ['Content-Length: 0', 'Content-Length: 50'], NEXT],
  ['two equal lengths', 'POST / HTTP/1.1', ['Content-Length: 0', 'Content-Length: 0'], NEXT],
  ['a list of lengths', 'POST / HTTP/1.1', ['Content-Length: 0, 0'], NEXT],
  ['a signed length', 'POST / HTTP/1.1', ['Content-Length: +0'], NEXT],
  ['an obfuscated coding', 'POST / HTTP/1.1', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${NEXT}`],
  ['a coding behind a tab', 'POST / HTTP/1.1', ['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${NEXT}`],
  ['a space before the colon', 'POST / HTTP/1.1', ['Transfer-Encoding : chunked'], `0\r\n\r\n${NEXT}`],
  ['a folded coding', 'POST / HTTP/1.1', ['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${NEXT}`],
  [
    'a field hidden behind a bare line feed',
    'POST / HTTP/1.1',
    ['X: y\nTransfer-Encoding: chunked'],
    `0\r\n\r\n${NEXT}`,
  ],
  ['a field hidden behind a bare return', 'POST / HTTP/1.1', ['X: y\rTransfer-Encoding: chunked'], `0\r\n\r\n${NEXT}`],
  ['chunked in HTTP/1.0', 'POST / HTTP/1.0', ['Transfer-Encoding: chunked'], `0\r\n\r\n${NEXT}`],
  ['a second host', 'GET / HTTP/1.1', ['Host: evil.example'], ''],
  ['a host named hop-by-hop', 'GET / HTTP/1.1', ['Connection: Host'], ''],
  ['a length named hop-by-hop', 'POST / HTTP/1.1', ['Connection: Content-Length', 'Content-Length: 5'], 'hello'],
  [
    'an upgrade to h2c',
    'GET / HTTP/1.1',
    ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'],
    '',
  ],
  ['a URL where a path belongs', `GET http://${HOST}/ HTTP/1.1`, [], ''],
  ['an asterisk', 'OPTIONS * HTTP/1.1', [], ''],
  ['CONNECT', `CONNECT evil.example:443 HTTP/1.1`, [], ''],
  ['a path that climbs', 'GET /../../etc HTTP/1.1', [], ''],
  ['a path with an encoded climb', 'GET /a/%2e%2e/b HTTP/1.1', [], ''],
  ['a path that decodes twice', 'GET /a%252fb HTTP/1.1', [], ''],
  ['a NUL in a value', 'GET / HTTP/1.1', ['X: a\0b'], ''],
  ['TRACE', 'TRACE / HTTP/1.1', [], ''],
  ['a method override', 'POST / HTTP/1.1', ['X-HTTP-Method-Override: DELETE', 'Content-Length: 0'], ''],
  ['an expectation that is not known', 'POST / HTTP/1.1', ['Expect: tea', 'Content-Length: 0'], ''],
])('%s never reaches the upstream', async (_, line, fields, body) => {
  const answer = await exchange(
    request(
      line,
      [...fields, 'Connection: close'].filter(
        (field) => !fields.some((f) => f.startsWith('Connection')) || field !== 'Connection: close',
      ),
      body,
    ),
    '}\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  expect(answer).toContain('"blockedBy":"ironcage"');
  expect(received).toBe('');
});

test.each([
  ['a broken chunk size', 'x\r\nhello\r\n0\r\n\r\n'],
  ['a chunk longer than its size', '2\r\nhello\r\n0\r\n\r\n'],
  ['a chunk that ends in a bare line feed', '5\r\nhello\n0\r\n\r\n'],
])('%s never ends as a whole message upstream', async (_, body) => {
  reply = '';
  const answer = await exchange(request('POST / HTTP/1.1', ['Transfer-Encoding: chunked'], body));
  expect(answer).toContain('HTTP/1.1 400');
  expect(received).not.toContain('0\r\n\r\n');
});

test('requests behind one another are judged one after the other', async () => {
  const first = request('GET /one HTTP/1.1', []);
  const foreign = `GET /two HTTP/1.1\r\nHost: evil.example:${rig.port}\r\n\r\n`;
  const answer = await exchange(first + foreign, '}\n');
  expect(answer.indexOf('200 OK')).toBeLessThan(answer.indexOf('HTTP/1.1 403'));
  expect(answer).toContain('HTTP/1.1 403');
  expect(received).toContain('/one');
  expect(received).not.toContain('/two');
});

test('bytes behind a body are the next request, judged as such', async () => {
  const first = request('POST /one HTTP/1.1', ['Content-Length: 2'], 'ab');
  const answer = await exchange(`${first}GET /two HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n`, '}\n');
  expect(answer).toContain('HTTP/1.1 400');
  expect(received).not.toContain('/two');
});

test.each([
  ['bytes of no known protocol', '\x00\x01\x02\x03 hello'],
  ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'.toLowerCase()],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x28'],
  ['a broken ClientHello', '\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00'],
])('%s is cut without a word, and recorded', async (_, bytes) => {
  const before = rig.audit().filter((line) => line.rule === '<protocol>').length;
  expect(await exchange(bytes)).toBe('');
  await expect.poll(() => rig.audit().filter((line) => line.rule === '<protocol>').length).toBe(before + 1);
  expect(received).toBe('');
});

test('a head that never ends is answered and cut', async () => {
  expect(await exchange('GET / HTTP/1.1\r\nHost: ')).toContain('HTTP/1.1 408');
  expect(await exchange(`GET / HTTP/1.1\r\nX: ${'y'.repeat(70_000)}`)).toContain('HTTP/1.1 431');
});

test.each([
  ['two framings', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok'],
  ['no HTTP', 'hello there\r\n\r\n'],
  ['an unasked switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['interim answers without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40)],
])('an upstream that answers with %s is a bad gateway', async (_, broken) => {
  reply = broken;
  expect(await exchange(request('GET / HTTP/1.1', []), '}\n')).toContain('HTTP/1.1 502');
});

test('bytes that an upstream sends behind its answer are never taken for the next answer', async () => {
  reply = `${OK}HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned`;
  await exchange(request('GET /first HTTP/1.1', []), 'ok');
  const before = upstreamConnections;
  reply = OK;
  expect(await exchange(request('GET /second HTTP/1.1', []), 'ok')).not.toContain('poisoned');
  expect(upstreamConnections).toBe(before + 1);
});

test('bytes that come while a connection is idle end it', async () => {
  await exchange(request('GET /first HTTP/1.1', []), 'ok');
  const before = upstreamConnections;
  const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned';
  await Promise.all([...sockets].map((socket) => new Promise((sent) => socket.write(poison, sent))));
  // Loopback delivers at once: two turns are enough for the egress, which runs in this process, to see it.
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(await exchange(request('GET /second HTTP/1.1', []), 'ok')).not.toContain('poisoned');
  expect(upstreamConnections).toBe(before + 1);
});

test('a connection that went stale is dialled again for a request without a body, unseen by the client', async () => {
  reply = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Then-Close: 1\r\n\r\nok`;
  await exchange(request('GET /closes HTTP/1.1', []), 'ok');
  reply = OK;
  expect(await exchange(request('GET /again HTTP/1.1', []), 'ok')).toContain('200 OK');
});

test('the proxy takes no request that is not for a proxy, and no TLS', async () => {
  const origin = `GET / HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  expect(await exchange(origin, '}\n', rig.proxyPort)).toContain('HTTP/1.1 400');
  expect(await exchange('\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00', undefined, rig.proxyPort)).toBe('');
  const https = `GET https://${HOST}/ HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`;
  expect(await exchange(https, '}\n', rig.proxyPort)).toContain('HTTP/1.1 400');
  const twoHosts = `GET http://${HOST}:${rig.port}/ HTTP/1.1\r\nHost: evil.example\r\n\r\n`;
  expect(await exchange(twoHosts, '}\n', rig.proxyPort)).toContain('HTTP/1.1 421');
  const foreign = 'CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n';
  expect(await exchange(foreign, '}\n', rig.proxyPort)).toContain('"blockedBy":"ironcage"');
  const tunnel = `CONNECT ${HOST}:${rig.port} HTTP/1.1\r\nHost: ${HOST}:${rig.port}\r\n\r\n\x00\x01 raw`;
  expect(await exchange(tunnel, undefined, rig.proxyPort)).toBe('HTTP/1.1 200 Connection Established\r\n\r\n');
  expect(received).toBe('');
  const allowed = `GET http://${HOST}:${rig.port}/ HTTP/1.1\r\nHost: ${HOST}:${rig.port}\r\n\r\n`;
  expect(await exchange(allowed, 'ok', rig.proxyPort)).toContain('200 OK');
});

test('plain HTTP inside a tunnel is judged with the tunnel’s authority', async () => {
  const tunnel = `CONNECT ${HOST}:${rig.port} HTTP/1.1\r\nHost: ${HOST}:${rig.port}\r\n\r\n`;
  const inner = request('GET /inside HTTP/1.1', []);
  expect(await exchange(tunnel + inner, 'ok', rig.proxyPort)).toContain('200 OK');
  expect(received).toContain('GET /inside');
  const foreign = `GET /foreign HTTP/1.1\r\nHost: evil.example:${rig.port}\r\n\r\n`;
  expect(await exchange(tunnel + foreign, '}\n', rig.proxyPort)).toContain('HTTP/1.1 421');
  const nested = `CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n`;
  expect(await exchange(tunnel + nested, '}\n', rig.proxyPort)).toContain('HTTP/1.1 421');
});
