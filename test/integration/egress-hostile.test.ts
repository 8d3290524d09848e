// A whole egress under thousands of connections that mean harm or nothing: each is answered or closed, the record of them
// stays within bounds, and who comes afterwards is served as if nothing had been.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setTimeout as pause } from 'node:timers/promises';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { allow, createWorld, portOf, startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'good.example';
const ROUNDS = 400;
const AT_ONCE = 40;
/** After this long without an answer or an end a connection counts as forgotten. */
const PATIENCE_MS = 60_000;

let rig: Rig;
let origin: Origin;
let dnsTcp: Server;
let dnsUdp: UdpSocket;
const arrived: string[] = [];
const unforeseen: unknown[] = [];
const remember = (error: unknown): void => void unforeseen.push(error);

beforeAll(async () => {
  const world = await createWorld();
  origin = await startOrigin(world, HOST, (request, response) => {
    arrived.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.end('served'));
  });
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [allow(HOST, { port, path: '/good/**' })],
    routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
    limits: { headTimeoutMs: 700, idleTimeoutMs: 1500 },
  });
  dnsTcp = createServer();
  await new Promise<void>((resolve) => dnsTcp.listen(0, '127.0.0.1', resolve));
  rig.egress.listen('dns-tcp', dnsTcp);
  dnsUdp = createSocket('udp4');
  await new Promise<void>((resolve) => dnsUdp.bind(0, '127.0.0.1', resolve));
  rig.egress.listenUdp(dnsUdp);
  // In the egress program either of them ends the process, and with it the cage's network.
  process.on('uncaughtException', remember);
  process.on('unhandledRejection', remember);
});

afterAll(async () => {
  process.off('uncaughtException', remember);
  process.off('unhandledRejection', remember);
  await rig?.close();
  await origin?.close();
});

let recordsBefore = 0;
let bytesBefore = 0;
const auditBytes = (): number => statSync(join(rig.directory, 'audit.jsonl')).size;

beforeEach(() => {
  arrived.length = 0;
  recordsBefore = rig.audit().length;
  bytesBefore = auditBytes();
});

/** Holds after every flood, whatever it was made of. */
afterEach(async () => {
  // Some requests are good in spite of all: these may arrive, and no others.
  for (const line of arrived) expect(line).toMatch(/^[A-Z-]+ \/good\//);
  expect(unforeseen).toEqual([]);
  expect(rig.audit().length - recordsBefore).toBeLessThan(ROUNDS * 8);
  expect((auditBytes() - bytesBefore) / ROUNDS).toBeLessThan(40_000);
  expect(await getOver1()).toContain('served');
  expect(await getOver2()).toBe('served');
  await expect.poll(() => rig.egress.status().connections, { timeout: PATIENCE_MS }).toBe(0);
});

/** Numbers that look random and are the same in every run (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof createRandom>;

function noise(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: 1 + random(most) }, () => random(256)));
}

/** Bytes changed, cut out, doubled, put in: what is left is nearly what it was. */
function mutate(good: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(good);
  for (let left = 1 + random(4); left > 0; left -= 1) {
    const at = random(bytes.length + 1);
    const length = random(12);
    const kind = random(4);
    const middle =
      kind === 0
        ? noise(random, 4)
        : kind === 1
          ? Buffer.alloc(0)
          : kind === 2
            ? Buffer.concat([bytes.subarray(at, at + length), bytes.subarray(at, at + length)])
            : Buffer.concat([noise(random, 8), bytes.subarray(at, at + length)]);
    bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(at + length)]);
  }
  return bytes;
}

async function flood(rounds: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < rounds) {
      next += 1;
      await one(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Resolves at the end of a connection; one that the egress neither answers nor ends fails the test. */
async function sendAll(socket: Socket, bytes: Buffer, endsItself: boolean): Promise<void> {
  let isAnswered = false;
  socket.on('error', () => undefined);
  socket.on('data', () => (isAnswered = true));
  const closed = new Promise<'closed'>((resolve) => socket.once('close', () => resolve('closed')));
  socket.write(bytes);
  if (endsItself) socket.end();
  const timer = new AbortController();
  const patience = pause(PATIENCE_MS, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
  const outcome = await Promise.race([closed, patience]);
  timer.abort();
  socket.destroy();
  if (outcome === 'late' && !isAnswered) throw new Error(`forgotten: ${bytes.toString('latin1')}`);
}

function plain(port: number): Socket {
  return connect({ host: '127.0.0.1', port });
}

async function secure(alpn: string): Promise<Socket> {
  const socket = connectTls({
    ...{ host: '127.0.0.1', port: rig.port, servername: HOST },
    ca: rig.caPem,
    ALPNProtocols: [alpn],
  });
  await once(socket, 'secureConnect');
  return socket;
}

function authority(): string {
  return `${HOST}:${rig.port}`;
}

async function getOver1(): Promise<string> {
  const socket = await secure('http/1.1');
  let text = '';
  socket.on('data', (piece) => (text += String(piece)));
  socket.write(`GET /good/1 HTTP/1.1\r\nHost: ${authority()}\r\nConnection: close\r\n\r\n`);
  await once(socket, 'close');
  return text;
}

async function getOver2(): Promise<string> {
  const socket = await secure('h2');
  const session = connectHttp2(`https://${authority()}`, { createConnection: () => socket });
  const stream = session.request({ ':path': '/good/2' });
  let text = '';
  stream.on('data', (piece) => (text += String(piece)));
  await once(stream, 'close');
  session.destroy();
  return text;
}

const HTTP1_SEEDS = (): Buffer[] =>
  [
    `GET /good/a?b=c HTTP/1.1\r\nHost: ${authority()}\r\nCookie: a=b\r\n\r\n`,
    `POST /good/b HTTP/1.1\r\nHost: ${authority()}\r\nContent-Length: 5\r\n\r\nhelloGET /good/c HTTP/1.1\r\nHost: x\r\n\r\n`,
    `PUT /good/d HTTP/1.1\r\nHost: ${authority()}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n`,
    `CONNECT ${authority()} HTTP/1.1\r\nHost: ${authority()}\r\n\r\n\u0016\u0003\u0001`,
    `GET http://${authority()}/good/e HTTP/1.0\r\nHost: ${authority()}\r\nConnection: keep-alive\r\n\r\n`,
    `GET /good/f HTTP/1.1\r\nHost: ${authority()}\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    `POST /good/g HTTP/1.1\r\nHost: ${authority()}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
  ].map((text) => Buffer.from(text, 'latin1'));

function pick<T>(from: readonly T[], random: Random): T {
  const chosen = from[random(from.length)];
  if (chosen === undefined) throw new Error('nothing to choose from');
  return chosen;
}

test('random bytes on every listener', async () => {
  const random = createRandom(1);
  await flood(ROUNDS, (index) =>
    sendAll(plain([rig.port, rig.proxyPort, portOf(dnsTcp)][index % 3] ?? 0), noise(random, 400), index % 12 !== 0),
  );
});

test('requests of HTTP/1 that are nearly good, in the clear and to the proxy', async () => {
  const random = createRandom(2);
  const seeds = HTTP1_SEEDS();
  await flood(ROUNDS, (index) =>
    sendAll(plain(index % 2 === 0 ? rig.port : rig.proxyPort), mutate(pick(seeds, random), random), index % 5 !== 0),
  );
});

test('requests of HTTP/1 that are nearly good, within TLS', async () => {
  const random = createRandom(3);
  const seeds = HTTP1_SEEDS();
  await flood(ROUNDS, async (index) =>
    sendAll(await secure('http/1.1'), mutate(pick(seeds, random), random), index % 5 !== 0),
  );
});

test('TLS handshakes that are nearly good', async () => {
  const random = createRandom(4);
  const hello = await helloOfClient();
  await flood(ROUNDS, (index) => sendAll(plain(rig.port), mutate(hello, random), index % 3 !== 0));
});

/** The first bytes that a real client sends. */
async function helloOfClient(): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const first = new Promise<Buffer>((resolve) => {
    server.once('connection', (socket) =>
      socket.on('error', () => undefined).once('data', (bytes: Buffer) => resolve(bytes)),
    );
  });
  const client = connectTls({ host: '127.0.0.1', port: portOf(server), servername: HOST });
  client.on('error', () => undefined);
  const hello = await first;
  client.destroy();
  server.close();
  return hello;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK without its tables: every field a literal that is never indexed. */
function block(fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.map(([name, value]) =>
    Buffer.concat([
      Buffer.from([0x10, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
  return Buffer.concat(parts);
}

function http2Seed(): Buffer {
  const pseudo = (method: string, path: string) =>
    [
      [':method', method],
      [':scheme', 'https'],
      [':authority', authority()],
      [':path', path],
    ] as const;
  const settings = frame(4, 0, 0, Buffer.alloc(0));
  const get = frame(1, 5, 1, block([...pseudo('GET', '/good/h2'), ['te', 'trailers']]));
  const post = frame(1, 4, 3, block([...pseudo('POST', '/good/h2post'), ['content-type', 'text/plain']]));
  const trailers = frame(1, 5, 3, block([['etag', 'a'], ['etag', 'b']])); // prettier-ignore
  const frames = [settings, get, post, frame(0, 0, 3, Buffer.from('hello')), trailers];
  return Buffer.concat([...frames, frame(6, 0, 0, Buffer.alloc(8)), frame(3, 0, 1, Buffer.alloc(4))]);
}

test('frames of HTTP/2 that are nearly good, and ones at random', async () => {
  const random = createRandom(5);
  const seed = http2Seed();
  await flood(ROUNDS, async (index) => {
    const bytes =
      index % 4 === 0
        ? frame(random(12), random(256), random(4), noise(random, 60))
        : index % 4 === 1
          ? Buffer.concat([seed, frame(random(12), random(256), random(9), noise(random, 200))])
          : mutate(seed, random);
    await sendAll(
      await secure('h2'),
      index % 9 === 0 ? noise(random, 200) : Buffer.concat([PREFACE, bytes]),
      index % 3 !== 0,
    );
  });
});

test('requests of DNS that are nearly good, over TCP and in datagrams', async () => {
  const random = createRandom(6);
  const query = Buffer.from(
    'beef01000001000000000001046e616d65076578616d706c6500000100010000291000000000000000',
    'hex',
  );
  const client = createSocket('udp4');
  let answers = 0;
  client.on('message', () => (answers += 1));
  await flood(ROUNDS, async (index) => {
    const bytes = index % 5 === 0 ? noise(random, 300) : mutate(query, random);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    client.send(bytes, portOf(dnsUdp), '127.0.0.1');
    await sendAll(plain(portOf(dnsTcp)), mutate(Buffer.concat([length, bytes]), random), index % 50 !== 0);
  });
  await expect.poll(() => answers).toBeGreaterThan(0);
  client.close();
});
