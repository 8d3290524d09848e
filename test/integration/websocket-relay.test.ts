// WebSockets between real peers through the relay alone: with and without compression, in every way in which they can end.
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { constants, deflateRawSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer, type ClientOptions, type PerMessageDeflateOptions } from 'ws';
import type { BodyInspection } from '../../src/egress/inspection.ts';
import type { InspectorNote } from '../../src/policy/types.ts';
import { createRedactor } from '../../src/egress/redact.ts';
import { Refusal } from '../../src/egress/refusal.ts';
import { FrameWriter, type OutgoingFrame } from '../../src/egress/websocket-frame-writer.ts';
import { acceptanceFields } from '../../src/egress/websocket-handshake.ts';
import type { WebSocketRelay } from '../../src/egress/websocket-relay.ts';
import { portOf } from './egress-rig.ts';
import { startRelay, type Relay } from './websocket-rig.ts';

const VALUE = 'real-5f4dcc3b5aa765d61d8327deb882cf99';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Machines that are busy with other tests are slow. */
function eventually<T>(probe: () => T) {
  return expect.poll(probe, { timeout: 20_000 });
}

interface Echo {
  server: WebSocketServer;
  port: number;
  /** Whole messages that arrived. */
  messages: Buffer[];
  /** Code and reason of every socket that was closed. */
  closes: string[];
}

async function startEcho(deflate: PerMessageDeflateOptions | false): Promise<Echo> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: deflate });
  const echo: Echo = { server, port: 0, messages: [], closes: [] };
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => echo.closes.push(`${code} ${String(reason)}`));
    socket.on('message', (bytes, binary) => {
      if (Buffer.isBuffer(bytes)) echo.messages.push(bytes);
      socket.send(bytes, { binary });
    });
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  echo.port = portOf(server);
  closers.push(async () => {
    for (const client of server.clients) client.terminate();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return echo;
}

async function relayTo(port: number, look?: () => Partial<WebSocketRelay>): Promise<Relay> {
  const relay = await startRelay(port, look);
  closers.push(() => relay.close());
  return relay;
}

async function open(relay: Relay, options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/`, options);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('close', () => reject(new Error('closed before it was open')));
  });
  return socket;
}

function nextMessage(socket: WebSocket): Promise<[Buffer, boolean]> {
  return new Promise((resolve, reject) => {
    const onClose = (code: number, reason: Buffer) => reject(new Error(`closed with ${code} ${String(reason)}`));
    socket.once('close', onClose);
    socket.once('message', (bytes, isBinary) => {
      socket.removeListener('close', onClose);
      if (Buffer.isBuffer(bytes)) resolve([bytes, isBinary]);
    });
  });
}

function closed(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => socket.once('close', (code, reason) => resolve(`${code} ${String(reason)}`)));
}

const NOTE: InspectorNote = { name: 'test', action: 'note', reason: 'seen' };

/** Sees everything, and refuses what contains the word `forbidden`. */
function inspector(seen: string[], isSlow = false): () => BodyInspection {
  return () => {
    let text = '';
    const index = seen.push('') - 1;
    const look = (): Promise<void> | undefined => {
      seen[index] = text;
      if (text.includes('forbidden')) throw new Refusal({ status: 403, rule: 'test', reason: 'a forbidden word' });
      return isSlow ? new Promise((resolve) => setImmediate(resolve)) : undefined;
    };
    return {
      push(pieces) {
        text += Buffer.concat([...pieces]).toString('latin1');
        return look();
      },
      finish: look,
      notes: () => [NOTE],
    };
  };
}

const MESSAGES: readonly (string | Buffer)[] = [
  ...['', 'x', 'ä€😀', 'y'.repeat(125), 'y'.repeat(126), 'z'.repeat(65_535), 'z'.repeat(65_536)],
  ...[Buffer.alloc(0), Buffer.from([0, 1, 2, 255]), Buffer.alloc(300_000, 'binary '), 'again '.repeat(200_000)],
  ...['the same again', 'the same again', 'the same again'],
];

test.each([
  ['no compression', false, false],
  ['compression with context takeover', { threshold: 0 }, { threshold: 0 }],
  ['small windows', { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, { threshold: 0 }],
  ['no takeover by the client', { threshold: 0, clientNoContextTakeover: true }, { threshold: 0 }],
  ['no takeover by the server', { threshold: 0, serverNoContextTakeover: true }, { threshold: 0 }],
  ['compression of some messages', { threshold: 100 }, { threshold: 1000 }],
  ['compression that the server does not know', false, { threshold: 0 }],
] as const)('messages of every size pass both ways with %s, and are seen in plain form', async (_, server, client) => {
  const echo = await startEcho(server);
  for (const isSlow of [false, true]) {
    for (const isRedacted of [false, true]) {
      const seen: string[] = [];
      const redactor = isRedacted ? createRedactor([], { KEY: VALUE }) : undefined;
      const relay = await relayTo(echo.port, () => ({ inspectOut: inspector(seen, isSlow), redactor }));
      const socket = await open(relay, { perMessageDeflate: client });
      for (const message of MESSAGES) {
        const echoed = nextMessage(socket);
        socket.send(message);
        const [bytes, isBinary] = await echoed;
        expect(isBinary).toBe(typeof message !== 'string');
        expect(bytes.equals(Buffer.from(message))).toBe(true);
      }
      expect(seen.map((text) => text.length)).toEqual(MESSAGES.map((message) => Buffer.from(message).length));
      const end = closed(socket);
      socket.close(4000, 'done');
      expect(await end).toBe('4000 done');
      await eventually(() => relay.ends).toEqual([{ outcome: 'complete', detail: '', notes: [NOTE] }]);
    }
  }
});

test.each([
  ['plainly', false],
  ['compressed', { threshold: 0 }],
] as const)('a refused message that was sent %s reaches nobody, and both sides are told', async (_, deflate) => {
  for (const message of ['short and forbidden', `${'long '.repeat(100_000)}forbidden`]) {
    const echo = await startEcho(deflate);
    const relay = await relayTo(echo.port, () => ({ inspectOut: inspector([]) }));
    const socket = await open(relay, { perMessageDeflate: deflate });
    const echoed = nextMessage(socket);
    socket.send('a good one');
    expect(String((await echoed)[0])).toBe('a good one');
    const end = closed(socket);
    socket.send(message);
    expect(await end).toBe('1008 a forbidden word');
    await eventually(() => echo.closes).toEqual(['1008 refused']);
    expect(echo.messages.map(String)).toEqual(['a good one']);
    await eventually(() => relay.ends).toMatchObject([
      { outcome: 'refused', rule: 'test', detail: 'a forbidden word' },
    ]);
  }
});

test('a secret in what comes back becomes its placeholder, across fragments, and blanks in a pong', async () => {
  const placeholder = 'ironcage-00112233445566778899aabbccddeeff';
  const bindings = [{ name: 'KEY', hosts: ['h'], slots: [{ kind: 'bearer' as const }], placeholder }];
  const echo = await startEcho({ threshold: 0 });
  echo.server.on('connection', (socket) => {
    socket.send(`you are ${VALUE.slice(0, 12)}`, { fin: false });
    socket.send(`${VALUE.slice(12)}, dear`, { fin: true });
  });
  const redactor = createRedactor(bindings, { KEY: VALUE });
  const relay = await relayTo(echo.port, () => ({ redactor }));
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/`, { perMessageDeflate: { threshold: 0 } });
  const [bytes] = await nextMessage(socket);
  expect(String(bytes)).toBe(`you are ${placeholder}, dear`);
  const pong = new Promise((resolve) => socket.once('pong', (payload) => resolve(String(payload))));
  socket.ping(VALUE);
  expect(await pong).toBe('*'.repeat(VALUE.length));
});

test('an upstream that closes is answered by the client, with its code', async () => {
  const echo = await startEcho(false);
  echo.server.on('connection', (each) => each.close(1001, 'away'));
  const relay = await relayTo(echo.port);
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/`);
  expect(await closed(socket)).toBe('1001 away');
  await eventually(() => relay.ends).toMatchObject([{ outcome: 'complete' }]);
  await eventually(() => echo.closes).toEqual(['1001 away']);
});

test('a peer that leaves without a word is no whole conversation', async () => {
  const echo = await startEcho(false);
  const relay = await relayTo(echo.port);
  const leaving = await open(relay);
  leaving.terminate();
  await eventually(() => relay.ends).toMatchObject([{ outcome: 'aborted' }]);
  await eventually(() => echo.closes).toEqual(['1006 ']);
  const left = await open(relay);
  const end = closed(left);
  for (const client of echo.server.clients) client.terminate();
  expect(await end).toBe('1006 ');
  await eventually(() => relay.ends.at(-1)).toMatchObject({ outcome: 'upstream-error' });
});

/** A client that says what it likes behind a good handshake. */
async function openRaw(relay: Relay, extensions = ''): Promise<{ socket: Socket; received: () => Buffer }> {
  const socket = createConnection({ port: relay.port, host: '127.0.0.1' });
  closers.push(async () => void socket.destroy());
  const lines = ['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  socket.write(
    [...lines, `Sec-WebSocket-Key: ${KEY}`, ...(extensions === '' ? [] : [extensions]), '', ''].join('\r\n'),
  );
  const pieces: Buffer[] = [];
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      pieces.push(bytes);
      resolve();
    });
  });
  pieces.length = 0;
  return { socket, received: () => Buffer.concat(pieces) };
}

function frames(...list: (Partial<OutgoingFrame> & { opcode: number })[]): Buffer {
  const writer = new FrameWriter(true);
  for (const each of list) writer.add({ isFinal: true, isCompressed: false, payload: Buffer.alloc(0), ...each });
  return Buffer.concat(writer.take());
}

const BOMB = deflateRawSync(Buffer.alloc(32 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate';

test.each([
  ['a frame without a mask', Buffer.from([0x81, 0x01, 0x61]), 1002],
  ['a fragment of nothing', frames({ opcode: 0 }), 1002],
  ['a message inside another', frames({ opcode: 1, isFinal: false }, { opcode: 1 }), 1002],
  ['text that is not UTF-8', frames({ opcode: 1, payload: Buffer.from([0xff]) }), 1007],
  ['a close with half a code', frames({ opcode: 8, payload: Buffer.from([3]) }), 1002],
  ['a close with code 1005', frames({ opcode: 8, payload: Buffer.from([3, 0xed]) }), 1002],
  ['a close whose reason is not UTF-8', frames({ opcode: 8, payload: Buffer.from([3, 0xe8, 0xff]) }), 1007],
  ['broken compression', frames({ opcode: 2, isCompressed: true, payload: Buffer.from([0xff, 0xff]) }), 1007],
  [
    'a last block before the end',
    frames({ opcode: 2, isCompressed: true, payload: Buffer.from('f348cdc9c90700', 'hex') }),
    1002,
  ],
  ['a bomb', frames({ opcode: 2, isCompressed: true, payload: BOMB }), 1009],
  ['pings without end', frames(...Array.from({ length: 300 }, () => ({ opcode: 9 }))), 1008],
  [
    'fragments without end',
    frames({ opcode: 2, isFinal: false }, ...Array.from({ length: 16_384 }, () => ({ opcode: 0, isFinal: false }))),
    1009,
  ],
])('%s from a client ends the socket for both sides', async (_, bytes, code) => {
  const echo = await startEcho({ threshold: 0 });
  const relay = await relayTo(echo.port);
  const { socket, received } = await openRaw(relay, DEFLATE);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.write(bytes);
  await ended;
  const at = received().lastIndexOf(0x88);
  expect(received().readUInt16BE(at + 2)).toBe(code);
  await eventually(() => echo.closes.map((text) => text.slice(0, 4))).toEqual([String(code)]);
  expect(echo.messages).toEqual([]);
  await eventually(() => relay.ends).toMatchObject([{ outcome: 'refused', rule: '<websocket>' }]);
});

test('good messages before a bad one arrive, however they were sent', async () => {
  const echo = await startEcho(false);
  const relay = await relayTo(echo.port);
  const { socket } = await openRaw(relay);
  socket.write(Buffer.concat([frames({ opcode: 1, payload: Buffer.from('good') }), Buffer.from([0x81, 0x01, 0x61])]));
  await eventually(() => echo.closes.length).toBe(1);
  expect(echo.messages.map(String)).toEqual(['good']);
});

/** An upstream that accepts every handshake and then says what it is told to. */
async function startRawUpstream(greet: (socket: Socket) => void): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', (bytes: Buffer) => {
      const [, key = ''] = /Sec-WebSocket-Key: (\S+)/.exec(String(bytes)) ?? [];
      const field = { name: 'sec-websocket-key', spelled: '', value: key };
      const answer = { method: 'GET', target: { form: 'origin', target: '/' }, version: '1.1', host: 'h' } as const;
      const fields = acceptanceFields({ ...answer, fields: [field] }).map(
        ({ spelled, value }) => `${spelled}: ${value}`,
      );
      socket.write(['HTTP/1.1 101 Switching Protocols', ...fields, '', ''].join('\r\n'));
      greet(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { port: portOf(server), sockets };
}

test('an upstream that masks its frames is cut, and the client is told', async () => {
  const upstream = await startRawUpstream((socket) => socket.write(frames({ opcode: 1, payload: Buffer.from('hi') })));
  const relay = await relayTo(upstream.port);
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/`);
  expect(await closed(socket)).toBe('1002 a masked WebSocket frame from a server');
  await eventually(() => relay.ends).toMatchObject([
    { outcome: 'upstream-error', detail: 'the upstream sent a masked WebSocket frame from a server' },
  ]);
});

test('a message that is whole is passed on while the next is not', async () => {
  const upstream = await startRawUpstream((socket) => socket.write(Buffer.from([0x81, 2, 0x68, 0x69, 0x81, 5, 0x68])));
  const relay = await relayTo(upstream.port);
  const socket = new WebSocket(`ws://127.0.0.1:${relay.port}/`);
  expect(String((await nextMessage(socket))[0])).toBe('hi');
  socket.terminate();
});

test('an upstream that takes nothing stops the client, and memory does not grow', async () => {
  const upstream = await startRawUpstream((socket) => socket.pause());
  const counts = { out: 0 };
  const relay = await relayTo(upstream.port, () => ({
    onBytes(direction, bytes) {
      if (direction === 'out') counts.out += bytes;
    },
    limits: { lingerMs: 50 },
  }));
  const { socket } = await openRaw(relay);
  const message = frames({ opcode: 2, payload: Buffer.alloc(1024 * 1024) });
  const total = 64;
  for (let sent = 0; sent < total; sent += 1) socket.write(message);
  await expect.poll(() => counts.out, { interval: 200 }).toBeGreaterThan(0);
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = counts.out === before;
        before = counts.out;
        return isStill;
      },
      { interval: 300, timeout: 20_000 },
    )
    .toBe(true);
  expect(counts.out).toBeLessThan(total * message.length);
  // Everything arrives once somebody reads.
  let taken = 0;
  upstream.sockets[0]?.on('data', (bytes: Buffer) => (taken += bytes.length));
  upstream.sockets[0]?.resume();
  await expect.poll(() => taken, { timeout: 20_000 }).toBeGreaterThanOrEqual(total * message.length);
});

test('what is kept for people is bounded, and holds placeholders where secrets came back', async () => {
  const kept: string[] = [];
  const captured = {
    ...{
      request: () => undefined,
      requestBody: () => undefined,
      response: () => undefined,
      responseBody: () => undefined,
    },
    message: (direction: string, kind: string, bytes: Buffer, isCut: boolean) =>
      kept.push(`${direction} ${kind} ${String(bytes)}${isCut ? ' (cut)' : ''}`),
    end: () => undefined,
  };
  const echo = await startEcho({ threshold: 0 });
  const redactor = createRedactor([], { KEY: VALUE });
  const relay = await relayTo(echo.port, () => ({ redactor, captured, limits: { capturedBytes: 40 } }));
  const socket = await open(relay, { perMessageDeflate: { threshold: 0 } });
  const echoed = nextMessage(socket);
  socket.send(`is ${VALUE} what you have, or ${'x'.repeat(1000)}?`);
  await echoed;
  expect(kept).toEqual([`out text is ${VALUE} (cut)`, 'in text is [secret KEY] what you have, or xxxxxx (cut)']);
});

test('a client that does not answer a close is not waited for forever', async () => {
  const upstream = await startRawUpstream((socket) => socket.write(Buffer.from([0x88, 0])));
  const relay = await relayTo(upstream.port, () => ({ limits: { closeTimeoutMs: 50, lingerMs: 50 } }));
  const { socket } = await openRaw(relay);
  await new Promise((resolve) => socket.once('close', resolve));
  await eventually(() => relay.ends).toMatchObject([{ outcome: 'complete' }]);
});

test('a meter that has enough ends the socket before the bytes are sent', async () => {
  const echo = await startEcho(false);
  const relay = await relayTo(echo.port, () => ({
    meter(bytes) {
      if (bytes > 50) throw new Refusal({ status: 429, rule: '<budget>', reason: 'enough for today' });
    },
  }));
  const socket = await open(relay);
  socket.send('x'.repeat(100));
  expect(await closed(socket)).toBe('1008 enough for today');
  expect(echo.messages).toEqual([]);
});
