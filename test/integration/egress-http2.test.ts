// HTTP/2 through a whole egress: to upstreams that speak it and to those that do not, each request judged alone, trailers,
// streams in both directions, and what a client may not do with frames.
import {
  connect,
  constants,
  createSecureServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2SecureServer,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { allow, createWorld, portOf, startOrigin, startRig, type Origin, type Rig, type World } from './egress-rig.ts';

const H2 = 'two.example';
const H1 = 'one.example';
const REAL = 'real-value-of-the-secret-0123456789';
const PLACEHOLDER = `key-${'0123456789abcdef'.repeat(2)}`;

let world: World;
let two: Http2SecureServer;
let one: Origin;
let rig: Rig;
const handlers = new Map<string, (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void>();
const sessions: ClientHttp2Session[] = [];
const seen: Record<string, unknown>[] = [];

beforeAll(async () => {
  world = await createWorld();
  two = createSecureServer({ ...(await world.certificate(H2)), settings: { enableConnectProtocol: true } });
  two.on('stream', (stream, headers) => {
    seen.push({ ...headers });
    stream.on('error', () => undefined);
    const handler = handlers.get(String(headers[':path']));
    if (handler !== undefined) return handler(stream, headers);
    stream.respond({ ':status': 200, 'x-version': '2' });
    stream.end(`${headers[':method']} ${headers[':path']} at ${headers[':authority']}`);
  });
  await new Promise<void>((resolve) => two.listen(0, '127.0.0.1', resolve));
  one = await startOrigin(world, H1, (request, response) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => (bytes += piece.length));
    request.on('end', () => {
      response.setHeader('x-version', request.httpVersion);
      response.setHeader('x-cookie', request.headers.cookie ?? '');
      response.setHeader('x-trailers', JSON.stringify(request.trailers));
      response.end(`${request.method} ${request.url} ${bytes}`);
    });
  });
  const sockets = new WebSocketServer({ server: one.server, handleProtocols: () => 'chat' });
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [
      allow(H1, { port }),
      allow(H2, { port, path: '/open/**' }),
      allow(H2, { id: 'key', port, path: '/key' }),
    ],
    bindings: [{ name: 'KEY', hosts: [H2], slots: [{ kind: 'header', name: 'x-api-key' }], placeholder: PLACEHOLDER }],
    secretValues: { KEY: REAL },
    routes: [
      { host: H1, address: '127.0.0.1', port: one.port },
      { host: H2, address: '127.0.0.1', port: portOf(two) },
    ],
  });
});

afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  handlers.clear();
});

afterAll(async () => {
  await rig?.close();
  await one?.close();
  two?.close();
});

async function tls(host: string, alpn = ['h2']): Promise<TLSSocket> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: rig.port,
    servername: host,
    ca: rig.caPem,
    ALPNProtocols: alpn,
  });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return socket;
}

async function session(host: string): Promise<ClientHttp2Session> {
  const socket = await tls(host);
  const made = connect(`https://${host}:${rig.port}`, { createConnection: () => socket });
  made.on('error', () => undefined);
  sessions.push(made);
  return made;
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
  trailers: Record<string, unknown>;
  rstCode: number;
}

function finish(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let headers: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    const pieces: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('response', (received) => (headers = { ...received }));
    stream.on('trailers', (received) => (trailers = { ...received }));
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('close', () =>
      resolve({
        status: Number(headers[':status'] ?? 0),
        headers,
        trailers,
        body: Buffer.concat(pieces).toString(),
        rstCode: stream.rstCode,
      }),
    );
  });
}

function ask(made: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = made.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return finish(stream);
}

test('a client of HTTP/2 reaches an upstream of HTTP/2, and one of HTTP/1.1', async () => {
  const overTwo = await ask(await session(H2), { ':path': '/open/a?b=c' });
  expect(overTwo).toMatchObject({ status: 200, body: `GET /open/a?b=c at ${H2}:${rig.port}` });
  expect(overTwo.headers['x-version']).toBe('2');
  const overOne = await ask(await session(H1), { ':path': '/up', ':method': 'POST' }, 'twelve bytes');
  expect(overOne).toMatchObject({ status: 200, body: 'POST /up 12' });
  expect(overOne.headers['x-version']).toBe('1.1');
});

test('a client that offers both gets HTTP/2, one that knows only HTTP/1.1 gets that', async () => {
  expect((await tls(H1, ['h2', 'http/1.1'])).alpnProtocol).toBe('h2');
  expect((await tls(H1, ['http/1.1'])).alpnProtocol).toBe('http/1.1');
});

test('requests side by side on one connection are judged one by one', async () => {
  const made = await session(H2);
  const paths = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? `/closed/${index}` : `/open/${index}`));
  const answers = await Promise.all(paths.map((path) => ask(made, { ':path': path })));
  for (const [index, answer] of answers.entries()) {
    if (index % 3 !== 0)
      expect(answer).toMatchObject({ status: 200, body: expect.stringContaining(`/open/${index} `) });
    else expect(JSON.parse(answer.body)).toMatchObject({ blockedBy: 'ironcage', rule: '<default-deny>' });
  }
  const refused = rig.audit().filter(({ path, decision }) => path.startsWith('/closed/') && decision === 'deny');
  expect(refused).toHaveLength(20);
});

test('a stream may not name another host than its connection', async () => {
  const made = await session(H1);
  const foreign = await ask(made, { ':path': '/', ':authority': `${H2}:${rig.port}` });
  expect(foreign.status).toBe(421);
  expect(JSON.parse(foreign.body)).toMatchObject({ rule: '<authority>' });
  const twoHosts = await ask(made, { ':path': '/', host: 'other.example' });
  expect(twoHosts.status).toBe(400);
  // The connection and its other streams are none the worse.
  expect((await ask(made, { ':path': '/' })).status).toBe(200);
});

test.each([
  ['a CONNECT', { ':method': 'CONNECT', ':authority': 'other.example:443' }, 421],
  ['the scheme http', { ':scheme': 'http', ':path': '/' }, 400],
  ['an asterisk for a path', { ':method': 'OPTIONS', ':path': '*' }, 400],
  ['a TRACE', { ':method': 'TRACE', ':path': '/' }, 403],
  ['a path that decodes twice', { ':path': '/%252e%252e/x' }, 400],
])('%s is refused', async (_, headers, status) => {
  expect((await ask(await session(H1), headers)).status).toBe(status);
});

test('cookie crumbs become one field for an upstream of HTTP/1.1', async () => {
  const answer = await ask(await session(H1), { ':path': '/', cookie: ['a=1', 'b=2'] });
  expect(answer.headers['x-cookie']).toBe('a=1; b=2');
});

test('messages of a call in both directions flow while the call is open, and its trailers arrive', async () => {
  handlers.set('/open/call', (stream, headers) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('data', (piece: Buffer) => stream.write(`echo ${piece.toString()}`));
    stream.on('end', () => stream.end());
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-te': String(headers['te']) }));
  });
  const made = await session(H2);
  const stream = made.request({
    ':path': '/open/call',
    ':method': 'POST',
    te: 'trailers',
    'content-type': 'application/grpc',
  });
  const done = finish(stream);
  const replies: string[] = [];
  for (const message of ['first', 'second', 'third']) {
    const reply = new Promise<void>((resolve) => {
      stream.once('data', (piece: Buffer) => {
        replies.push(piece.toString());
        resolve();
      });
    });
    stream.write(message);
    // Each answer is there before the next message exists: neither direction waits for the end of the other.
    await reply;
  }
  stream.end();
  const answer = await done;
  expect(replies).toEqual(['echo first', 'echo second', 'echo third']);
  expect(answer.trailers).toMatchObject({ 'grpc-status': '0', 'x-te': 'trailers' });
});

test('trailers of a request reach an upstream of HTTP/1.1, but none that would change what was judged', async () => {
  const made = await session(H1);
  const stream = made.request({ ':path': '/', ':method': 'POST' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42', authorization: 'Bearer late' }));
  stream.end('body');
  const answer = await finish(stream);
  expect(JSON.parse(String(answer.headers['x-trailers']))).toEqual({ 'x-sum': '42' });
});

test('a secret goes out in its slot and comes back as its placeholder, in body and trailers', async () => {
  handlers.set('/key', (stream, headers) => {
    const key = String(headers['x-api-key']);
    stream.respond({ ':status': 200, 'x-echo': key, [`x-${key}`]: 'in a name' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': key, [`x-${key}`]: 'in a name' }));
    stream.end(`you sent ${String(headers['x-api-key'])}`);
  });
  const answer = await ask(await session(H2), { ':path': '/key', 'x-api-key': PLACEHOLDER });
  expect(seen.at(-1)).toMatchObject({ 'x-api-key': REAL });
  expect(JSON.stringify(answer)).not.toContain(REAL);
  expect(answer.body).toBe(`you sent ${PLACEHOLDER}`);
  expect(answer.headers['x-echo']).toBe(PLACEHOLDER);
  expect(answer.trailers).toMatchObject({ 'x-last': PLACEHOLDER });
});

test('an upload that its upstream answers early ends well, and a client that gives up ends the upstream’s stream', async () => {
  handlers.set('/open/early', (stream) => {
    stream.respond({ ':status': 413 });
    stream.end('too much');
  });
  const made = await session(H2);
  const upload = made.request({ ':path': '/open/early', ':method': 'POST' });
  upload.on('error', () => undefined);
  upload.write(Buffer.alloc(100_000));
  expect(await finish(upload)).toMatchObject({ status: 413, body: 'too much' });

  const aborted = new Promise<void>((resolve) => {
    handlers.set('/open/endless', (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('begin');
      stream.on('close', () => resolve());
    });
  });
  const endless = made.request({ ':path': '/open/endless' });
  endless.on('error', () => undefined);
  await new Promise<void>((resolve) => endless.once('data', () => resolve()));
  endless.close(constants.NGHTTP2_CANCEL);
  await aborted;
});

test('a WebSocket over HTTP/2 reaches an upstream of HTTP/1.1, its messages judged and answered', async () => {
  const made = await session(H1);
  await new Promise<void>((resolve) => made.once('remoteSettings', () => resolve()));
  expect(made.remoteSettings.enableConnectProtocol).toBe(true);
  const stream = made.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/socket',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'chat',
  });
  const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) => {
    stream.once('response', (received) => resolve([{ ...received }]));
    stream.once('error', reject);
  });
  expect(headers).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
  // A masked text frame with a mask of zeros, and its unmasked echo.
  const echo = new Promise<Buffer>((resolve) => stream.once('data', resolve));
  stream.write(Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from('hello')]));
  expect((await echo).toString('latin1')).toBe('\x81\x05hello');
  const refused = await ask(made, {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/',
    ':authority': 'x.example',
  });
  expect(refused.status).toBe(421);
  const noVersion = await ask(made, { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/socket' });
  expect(noVersion.status).toBe(400);
  stream.close();
});

test.each([
  ['by the egress', { ':path': '/', ':authority': 'x.example', 'sec-websocket-version': '13' }, 421],
  ['as no handshake', { ':path': '/socket' }, 400],
])(
  'a WebSocket that is turned away %s leaves no half of a stream for the client to go on with',
  async (_, fields, status) => {
    const made = await session(H1);
    await new Promise<void>((resolve) => made.once('remoteSettings', () => resolve()));
    const stream = made.request({ ':method': 'CONNECT', ':protocol': 'websocket', ...fields }, { endStream: false });
    stream.on('error', () => undefined);
    const answer = await finish(stream);
    expect(answer.status).toBe(status);
    expect(answer.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    expect(stream.closed).toBe(true);
  },
  10_000,
);

test('a client that takes its requests back by the hundred is cut off', async () => {
  const made = await session(H2);
  const closed = new Promise<void>((resolve) => made.once('close', () => resolve()));
  let latest: ClientHttp2Stream | undefined;
  const takeBack = () => {
    latest?.close(constants.NGHTTP2_CANCEL);
    if (made.destroyed || made.closed) return;
    latest = made.request({ ':path': '/open/slow' });
    latest.on('error', () => undefined);
  };
  // Each is taken back once it has gone all the way.
  handlers.set('/open/slow', takeBack);
  takeBack();
  await closed;
  // Other clients are served all the same.
  expect((await ask(await session(H1), { ':path': '/' })).status).toBe(200);
});

test('bytes that are no HTTP/2 end their own connection only', async () => {
  const socket = await tls(H1);
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(Buffer.alloc(4096, 0xff));
  await closed;
  expect((await ask(await session(H1), { ':path': '/' })).status).toBe(200);
});
