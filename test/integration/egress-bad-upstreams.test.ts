// Upstreams that are not who they should be, or answer what a careless egress would break on.
import { once } from 'node:events';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Server as TcpServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLeafMint, mintCa } from '../../src/egress/mint.ts';
import { allow, createWorld, portOf, startRig, type Rig, type World } from './egress-rig.ts';

const DAY_MS = 86_400_000;
const RAW = 'raw.example';
const MANY = 'many.example';

let world: World;
let rig: Rig;
const servers: (Server | TlsServer | TcpServer)[] = [];
let rawAnswer = '';

interface KeyAndCert {
  key: string;
  cert: string;
}

async function signedBy(caName: string, name: string, nowMs: number): Promise<KeyAndCert> {
  const mint = await createLeafMint(await mintCa(caName, nowMs));
  return { key: mint.keyPem, cert: (await mint.mint(name, false, nowMs)).certificatePem };
}

async function selfSigned(): Promise<KeyAndCert> {
  const { keyPem, certificatePem } = await mintCa('self', Date.now());
  return { key: keyPem, cert: certificatePem };
}

async function listen(server: Server | TlsServer | TcpServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return portOf(server);
}

const arrived: string[] = [];

beforeAll(async () => {
  // An authority that is trusted here, and whose leaves have ended long ago.
  const expiredCa = await mintCa('old', Date.now() - 20 * DAY_MS);
  const expiredMint = await createLeafMint(expiredCa);
  const expired = await expiredMint.mint('expired.example', false, Date.now() - 20 * DAY_MS);
  world = await createWorld();
  const bad: Record<string, KeyAndCert> = {
    'expired.example': { key: expiredMint.keyPem, cert: expired.certificatePem },
    'wrong.example': await world.certificate('right.example'),
    'self.example': await selfSigned(),
    'unknown.example': await signedBy('nobody', 'unknown.example', Date.now()),
  };
  const routes = [];
  for (const [host, certificate] of Object.entries(bad)) {
    const server = createServer(certificate, (request, response) => {
      arrived.push(String(request.url));
      response.end();
    });
    routes.push({ host, address: '127.0.0.1', port: await listen(server) });
  }
  // Speaks HTTP/1.1 as each test has it, byte by byte.
  const raw = createTlsServer(await world.certificate(RAW), (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(rawAnswer));
  });
  routes.push({ host: RAW, address: '127.0.0.1', port: await listen(raw) });
  rig = await startRig({
    upstreamCaPem: `${world.caPem}\n${expiredCa.certificatePem}`,
    rules: (port) => [...Object.keys(bad), RAW].map((host) => allow(host, { port })),
    routes,
  });
});

afterAll(async () => {
  await rig?.close();
  for (const server of servers) server.close();
});

interface Got {
  status: number;
  body: string;
  headers: Readonly<Record<string, unknown>>;
  code: number;
}

function over1(host: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { host: '127.0.0.1', port: rig.port, servername: host, ca: rig.caPem, path: '/x', agent: false },
      (response) => {
        let body = '';
        response.on('data', (piece) => (body += String(piece)));
        response.once('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers, code: 0 }),
        );
      },
    );
    request.setHeader('Host', `${host}:${rig.port}`);
    request.once('error', reject).end();
  });
}

function over2(host: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://${host}:${rig.port}`, {
      createConnection: () =>
        connectTls({ host: '127.0.0.1', port: rig.port, servername: host, ca: rig.caPem, ALPNProtocols: ['h2'] }),
    });
    session.once('error', reject);
    const stream = session.request({ ':path': '/x', te: 'trailers' });
    let headers: Record<string, unknown> = {};
    let body = '';
    stream.on('error', () => undefined);
    stream.on('response', (received) => (headers = { ...received }));
    stream.on('data', (piece) => (body += String(piece)));
    stream.once('close', () => {
      session.destroy();
      resolve({ status: Number(headers[':status'] ?? 0), body, headers, code: stream.rstCode });
    });
  });
}

const CLIENTS = [
  ['HTTP/1.1', over1],
  ['HTTP/2', over2],
] as const;

const BAD_CERTIFICATES = [
  ['has ended', 'expired.example', 'expired'],
  ['is for another host', 'wrong.example', 'altnames'],
  ['signs itself', 'self.example', 'not valid'],
  ['comes from an unknown authority', 'unknown.example', 'unable to'],
] as const;

test.each(CLIENTS.flatMap(([version, get]) => BAD_CERTIFICATES.map((bad) => [version, ...bad, get] as const)))(
  'to a client of %s, an upstream whose certificate %s is a refusal that says so',
  async (_version, _what, host, reason, get) => {
    const answer = await get(host);
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({
      rule: '<upstream-certificate>',
      reason: expect.stringContaining(reason),
      host,
    });
    expect(arrived).toEqual([]);
    expect(rig.audit().findLast((line) => line.host === host)).toMatchObject({ end: { outcome: 'upstream-error' } });
  },
);

test.each(CLIENTS)('to a client of %s, fields that come twice and may not are one field', async (_version, get) => {
  const twice = 'X-Content-Type-Options: nosniff\r\nX-Content-Type-Options: nosniff\r\nETag: "a"\r\nETag: "b"\r\n';
  rawAnswer = `HTTP/1.1 200 OK\r\n${twice}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok`;
  const answer = await get(RAW);
  expect(answer).toMatchObject({ status: 200, body: 'ok', code: 0 });
  expect(String(answer.headers['x-content-type-options'])).toMatch(/^nosniff/);
  expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
});

test.each([
  ['that come twice and may not', 'ETag: "a"\r\nETag: "b"\r\n'],
  ['of a connection', 'Connection: close\r\nKeep-Alive: 1\r\nTE: gzip\r\nHTTP2-Settings: AA\r\n'],
])('trailers %s do no harm to the egress', async (_, trailers) => {
  rawAnswer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`;
  for (const [, get] of CLIENTS) expect(await get(RAW)).toMatchObject({ status: 200, body: 'ok' });
});

test.each([
  ['half a body of a known length', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
  ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf'],
  ['no last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  [
    'trailers without number',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X: y\r\n'.repeat(5000)}\r\n`,
  ],
  ['trailers that break off', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nX: y\r\n'],
])('an answer with %s never passes for a whole one', async (_, bytes) => {
  rawAnswer = bytes;
  expect((await over2(RAW)).code).not.toBe(0);
  await expect(over1(RAW).then(({ body }) => body)).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
});

test.each([
  ['nothing', ''],
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ['an upgrade that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ['interim responses without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a header without end', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}\r\n\r\n`],
  ['too many headers', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(300)}\r\n`],
])('an upstream that answers with %s is a 502', async (_, bytes) => {
  rawAnswer = bytes;
  for (const [, get] of CLIENTS) {
    const answer = await get(RAW);
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ rule: '<upstream>' });
  }
});

test('where an address of a name does not answer, the next one is dialled', async () => {
  const server = createServer(await world.certificate(MANY), (_, response) => response.end('found'));
  const port = await listen(server);
  const many = await startRig({
    upstreamCaPem: world.caPem,
    rules: () => [allow(MANY, { port, private: true })],
    // Nothing listens at the first two: the server is bound to one address alone.
    lookup: () => Promise.resolve(['::1', '127.0.0.2', '127.0.0.1']),
  });
  try {
    const tunnel = connectTcp({ host: '127.0.0.1', port: many.proxyPort });
    tunnel.write(`CONNECT ${MANY}:${port} HTTP/1.1\r\nHost: ${MANY}:${port}\r\n\r\n`);
    await once(tunnel, 'data');
    const secure = connectTls({ socket: tunnel, servername: MANY, ca: many.caPem });
    secure.write(`GET / HTTP/1.1\r\nHost: ${MANY}:${port}\r\nConnection: close\r\n\r\n`);
    let text = '';
    secure.on('data', (piece) => (text += String(piece)));
    await once(secure, 'end');
    expect(text).toMatch(/^HTTP\/1.1 200 /);
    expect(text).toContain('found');
  } finally {
    await many.close();
  }
});
