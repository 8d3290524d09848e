// What moves through HTTP/2 and when: a reader that stops, an upstream that takes its leave, fields that come twice.
import {
  connect,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { allow, createWorld, portOf, startRig, type Rig } from './egress-rig.ts';

const HOST = 'flow.example';
const PIECE = Buffer.alloc(64 * 1024, 'x');

let upstream: Http2SecureServer;
let rig: Rig;
const upstreamSessions: ServerHttp2Session[] = [];
const handlers = new Map<string, (stream: ServerHttp2Stream) => void>();
const closers: (() => void)[] = [];

beforeAll(async () => {
  const world = await createWorld();
  upstream = createSecureServer(await world.certificate(HOST));
  upstream.on('session', (session) => upstreamSessions.push(session));
  upstream.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const handler = handlers.get(String(headers[':path']));
    if (handler !== undefined) return handler(stream);
    stream.respond({ ':status': 200 });
    stream.end('answered');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [allow(HOST, { port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: portOf(upstream) }],
  });
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

afterAll(async () => {
  await rig?.close();
  upstream?.close();
});

function session() {
  const options = { host: '127.0.0.1', port: rig.port, servername: HOST, ca: rig.caPem, ALPNProtocols: ['h2'] };
  const made = connect(`https://${HOST}:${rig.port}`, { createConnection: () => connectTls(options) });
  made.on('error', () => undefined);
  closers.push(() => made.destroy());
  return made;
}

function bodyOf(made: ReturnType<typeof session>, path: string): Promise<string> {
  const stream = made.request({ ':path': path });
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  return new Promise((resolve, reject) => stream.on('error', reject).on('close', () => resolve(text)));
}

/** Writes without end; resolves with the bytes it got rid of, once nobody takes more. */
function writeUntilStalled(stream: ServerHttp2Stream): Promise<number> {
  let sent = 0;
  return new Promise((resolve) => {
    const write = (): void => {
      for (;;) {
        sent += PIECE.length;
        if (stream.write(PIECE)) continue;
        const timer = setTimeout(() => resolve(sent), 400);
        stream.once('drain', () => {
          clearTimeout(timer);
          write();
        });
        return;
      }
    };
    write();
  });
}

test('streams that are not read stop their upstream, and those beside them go on', async () => {
  const stalled: Promise<number>[] = [];
  handlers.set('/endless', (stream) => {
    stream.respond({ ':status': 200 });
    stalled.push(writeUntilStalled(stream));
  });
  const made = session();
  const unread = [1, 2, 3].map(() => made.request({ ':path': '/endless' }));
  for (const stream of unread) {
    stream.on('error', () => undefined);
    stream.pause();
    await new Promise<void>((resolve) => stream.once('response', () => resolve()));
  }
  expect(stalled).toHaveLength(3);
  for (const sent of await Promise.all(stalled)) expect(sent).toBeLessThan(16 * 1024 * 1024);
  expect(await bodyOf(made, '/beside')).toBe('answered');
});

test('an upstream that takes its leave is asked anew over another connection, and what it had begun goes on', async () => {
  let finish: (() => void) | undefined;
  handlers.set('/long', (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('begun ');
    finish = () => stream.end('and ended');
  });
  const made = session();
  const long = made.request({ ':path': '/long' });
  let text = '';
  const ended = new Promise<void>((resolve) => long.on('close', () => resolve()));
  await new Promise<void>((resolve) =>
    long.on('data', (piece: Buffer) => {
      text += piece.toString();
      resolve();
    }),
  );
  const before = upstreamSessions.length;
  for (const each of upstreamSessions) if (!each.destroyed) each.goaway(0);
  // The farewell travels: until it has arrived, a request may still go the old way.
  await expect.poll(async () => (await bodyOf(made, '/next')) && upstreamSessions.length).toBeGreaterThan(before);
  finish?.();
  await ended;
  expect(text).toBe('begun and ended');
});

test('trailers of a request that come twice do not end the egress', async () => {
  handlers.set('/trailers', (stream) => {
    stream.respond({ ':status': 200 });
    stream.resume();
    stream.on('trailers', (trailers) => stream.end(JSON.stringify(trailers)));
  });
  const made = session();
  const stream = made.request({ ':path': '/trailers', ':method': 'POST' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': ['1', '2'] }));
  let text = '';
  stream.on('data', (piece: Buffer) => (text += piece.toString()));
  stream.end('body');
  await new Promise<void>((resolve, reject) => stream.on('error', reject).on('close', () => resolve()));
  expect(text).toContain('1, 2');
  expect(await bodyOf(made, '/after')).toBe('answered');
});
