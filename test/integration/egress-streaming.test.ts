// Bodies as streams: events arrive as they are sent, gigabytes need no memory, and who stops reading stops the sender.
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig, type World } from './egress-rig.ts';

const HOST = 'stream.example';
const MEGABYTE = 2 ** 20;
const TOTAL_BYTES = 256 * MEGABYTE;
/** Buffers of the sockets on the way, and what the collector has not fetched yet. */
const MEMORY_BOUND_BYTES = 160 * MEGABYTE;
const piece = randomBytes(MEGABYTE);

let world: World;
let origin: Origin;
let rig: Rig;
const events = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();

beforeAll(async () => {
  world = await createWorld();
  origin = await startOrigin(world, HOST, (request, response) => {
    const handler = events.get(request.url ?? '');
    if (handler === undefined) response.writeHead(404).end();
    else handler(request, response);
  });
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [allow(HOST, { port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
  });
});

afterAll(async () => {
  await rig?.close();
  await origin?.close();
});

function options(path: string, more: RequestOptions = {}): RequestOptions {
  const headers = { host: `${HOST}:${rig.port}` };
  return { host: '127.0.0.1', port: rig.port, servername: HOST, ca: rig.caPem, path, headers, agent: false, ...more };
}

function get(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpsRequest(options(path), resolve).on('error', reject).end();
  });
}

test('an event arrives while the next one does not exist yet', async () => {
  let next: (() => void) | undefined;
  events.set('/sse', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    next = () => {
      response.write('data: 2\n\n');
      next = () => response.end('data: 3\n\n');
    };
  });
  const response = await get('/sse');
  const seen: string[] = [];
  for await (const bytes of response) {
    seen.push(String(bytes));
    // Only now does the server send the next one: had this one been held back, nothing would ever come.
    next?.();
  }
  expect(seen).toEqual(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']);
});

test('the head of a response does not wait for its body', async () => {
  let finish: (() => void) | undefined;
  events.set('/head', (_, response) => {
    response.writeHead(200);
    response.flushHeaders();
    finish = () => response.end('late');
  });
  const response = await get('/head');
  finish?.();
  let text = '';
  for await (const bytes of response) text += String(bytes);
  expect(text).toBe('late');
});

async function memoryGrowth(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let highest = before;
  const timer = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 20);
  await work();
  clearInterval(timer);
  return highest - before;
}

test('a download of 256 MB arrives whole in bounded memory', async () => {
  events.set('/down', async (_, response) => {
    for (let sent = 0; sent < TOTAL_BYTES; sent += piece.length) {
      if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
    }
    response.end();
  });
  const hash = createHash('sha1');
  const growth = await memoryGrowth(async () => {
    for await (const bytes of await get('/down')) hash.update(bytes);
  });
  expect(hash.digest('hex')).toBe(hashOfTotal());
  expect(growth).toBeLessThan(MEMORY_BOUND_BYTES);
});

test('an upload of 256 MB arrives whole in bounded memory', async () => {
  events.set('/up', async (request, response) => {
    const hash = createHash('sha1');
    for await (const bytes of request) hash.update(bytes);
    response.end(hash.digest('hex'));
  });
  let answer = '';
  const growth = await memoryGrowth(async () => {
    answer = await new Promise<string>((resolve, reject) => {
      const call = httpsRequest(options('/up', { method: 'POST' }), (response) => {
        response.on('data', (bytes: Buffer) => resolve(String(bytes)));
      });
      call.on('error', reject);
      void (async () => {
        for (let sent = 0; sent < TOTAL_BYTES; sent += piece.length) {
          if (!call.write(piece)) await new Promise((resume) => call.once('drain', resume));
        }
        call.end();
      })();
    });
  });
  expect(answer).toBe(hashOfTotal());
  expect(growth).toBeLessThan(MEMORY_BOUND_BYTES);
  await expect
    .poll(() => rig.audit().find((line) => line.end !== undefined && line.path === '/up')?.bytesOut)
    .toBe(TOTAL_BYTES);
});

function hashOfTotal(): string {
  const hash = createHash('sha1');
  for (let sent = 0; sent < TOTAL_BYTES; sent += piece.length) hash.update(piece);
  return hash.digest('hex');
}

test('a client that does not read stops the server', async () => {
  let sent = 0;
  let stalled: (() => void) | undefined;
  const hasStalled = new Promise<void>((resolve) => (stalled = resolve));
  events.set('/endless', async (request, response) => {
    request.socket.on('error', () => undefined);
    for (;;) {
      sent += piece.length;
      if (response.write(piece)) continue;
      const isDrained = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 300);
        response.once('drain', () => (clearTimeout(timer), resolve(true)));
        response.once('close', () => (clearTimeout(timer), resolve(false)));
      });
      if (!isDrained) break;
    }
    stalled?.();
  });
  const response = await get('/endless');
  response.pause();
  await hasStalled;
  expect(sent).toBeLessThan(64 * MEGABYTE);
  response.destroy();
});

test('a connection lives as long as something moves on it, and not much longer', async () => {
  // A machine with much else to do is late by hundreds of milliseconds: a tick may be, the end may not come for it.
  const idleTimeoutMs = 2500;
  const rigIdle = await startRig({
    upstreamCaPem: world.caPem,
    limits: { idleTimeoutMs },
    rules: (port) => [allow(HOST, { port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
  });
  const eventCount = 8;
  events.set('/ticks', (_, response) => {
    response.writeHead(200);
    let sent = 0;
    const timer = setInterval(() => {
      sent += 1;
      response.write('tick');
      if (sent === eventCount) clearInterval(timer);
    }, idleTimeoutMs / 6);
  });
  let received = '';
  const failure = await new Promise<Error>((resolve) => {
    const more = { port: rigIdle.port, ca: rigIdle.caPem, headers: { host: `${HOST}:${rigIdle.port}` } };
    const call = httpsRequest(options('/ticks', more), (response) => {
      response.on('data', (bytes: Buffer) => (received += String(bytes)));
      response.on('error', resolve);
    });
    call.on('error', resolve);
    call.end();
  });
  expect(received).toBe('tick'.repeat(eventCount));
  expect(failure.message).toBe('aborted');
  await rigIdle.close();
});

test('a client that goes away ends the upstream’s work, and the record says so', async () => {
  let closed: (() => void) | undefined;
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  events.set('/gone', (_, response) => {
    response.writeHead(200);
    response.write('begin');
    response.on('close', () => closed?.());
  });
  const response = await get('/gone');
  response.on('error', () => undefined);
  response.destroy();
  await isClosed;
  await expect
    .poll(() => rig.audit().find((line) => line.end !== undefined && line.path === '/gone')?.end?.outcome)
    .toBe('aborted');
});

test('a client that goes away before the answer ends the upstream’s work', async () => {
  let closed: (() => void) | undefined;
  let arrived: (() => void) | undefined;
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  const hasArrived = new Promise<void>((resolve) => (arrived = resolve));
  events.set('/thinking', (request) => {
    request.socket.on('close', () => closed?.());
    arrived?.();
  });
  const call = httpsRequest(options('/thinking'));
  call.on('error', () => undefined);
  call.end();
  await hasArrived;
  call.destroy();
  await isClosed;
});

test('a response that breaks in the middle breaks for the client as well', async () => {
  events.set('/breaks', (request, response) => {
    response.writeHead(200, { 'transfer-encoding': 'chunked' });
    response.write('half');
    setImmediate(() => request.socket.destroy());
  });
  const response = await get('/breaks');
  await expect(
    (async () => {
      for await (const bytes of response) void bytes;
    })(),
  ).rejects.toThrow('aborted');
});

test('an answer that comes before the body is read reaches the client', async () => {
  events.set('/early', (request, response) => {
    request.on('error', () => undefined);
    response.writeHead(413, { connection: 'close' }).end('too large');
  });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const call = httpsRequest(options('/early', { method: 'POST' }), (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', reject);
    call.write(piece);
  });
  expect(status).toBe(413);
});

test('HTTP/1.0 clients get a body that ends with the connection', async () => {
  const plain = await startOrigin(undefined, HOST, (_, response) => {
    response.write('in ');
    response.end('pieces');
  });
  const rig10 = await startRig({
    rules: (port) => [allow(HOST, { scheme: 'http', port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: plain.port }],
  });
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(rig10.port, '127.0.0.1', () => {
      socket.write(`GET / HTTP/1.0\r\nHost: ${HOST}:${rig10.port}\r\n\r\n`);
    });
    socket.on('data', (bytes: Buffer) => (text += String(bytes)));
    socket.on('close', () => resolve(text));
  });
  expect(answer).toMatch(/\r\n\r\nin pieces$/);
  expect(answer).not.toContain('chunked');
  await rig10.close();
  await plain.close();
});
