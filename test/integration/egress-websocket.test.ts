// WebSockets: judged by their handshake, then relayed; everything else that calls itself one is refused.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer, type PerMessageDeflateOptions, type RawData } from 'ws';
import type { BodyInspection } from '../../src/egress/inspection.ts';
import { Refusal } from '../../src/egress/refusal.ts';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'socket.example';
const VALUE = 'real-5f4dcc3b5aa765d61d8327deb882cf99';
const PLACEHOLDER = 'ironcage-00112233445566778899aabbccddeeff';
let origin: Origin;
let plain: Origin;
let short: Origin;
let rig: Rig;
let sockets: WebSocketServer;
let shortSockets: WebSocketServer;
let badUpgrade = '';

beforeAll(async () => {
  const world = await createWorld();
  origin = await startOrigin(world, HOST, (_, response) => response.end('no socket'));
  sockets = new WebSocketServer({ server: origin.server, path: '/echo', perMessageDeflate: { threshold: 0 } });
  sockets.on('connection', (socket, request) => {
    if (request.headers.authorization !== undefined) socket.send(`you are ${request.headers.authorization}`);
    socket.on('message', (bytes, isBinary) => socket.send(bytes, { binary: isBinary }));
  });
  plain = await startOrigin(undefined, HOST, (_, response) => response.end('plain'));
  plain.server.on('upgrade', (_, socket: Socket) => {
    socket.on('error', () => undefined);
    socket.end(badUpgrade);
  });
  short = await startOrigin(undefined, 'short.example', (_, response) => response.end('no socket'));
  shortSockets = new WebSocketServer({ server: short.server, perMessageDeflate: { threshold: 0 } });
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [
      allow(HOST, { port }),
      allow('reads.example', { port, methods: ['GET'] }),
      allow('short.example', { scheme: 'http', port, maxBodyBytes: 10 }),
      allow('plain.example', { scheme: 'http', port }),
    ],
    bindings: [{ name: 'KEY', hosts: [HOST], slots: [{ kind: 'bearer' }], placeholder: PLACEHOLDER }],
    secretValues: { KEY: VALUE },
    routes: [
      { host: HOST, address: '127.0.0.1', port: origin.port },
      { host: 'reads.example', address: '127.0.0.1', port: origin.port },
      { host: 'short.example', address: '127.0.0.1', port: short.port },
      { host: 'plain.example', address: '127.0.0.1', port: plain.port },
    ],
    parts: { inspections: { head: () => undefined, body: ({ kind }) => inspect(kind) } },
  });
});

/** Refuses a message that speaks of what is forbidden. */
function inspect(kind: 'body' | 'message'): BodyInspection {
  let text = '';
  return {
    push(pieces) {
      text += Buffer.concat([...pieces]).toString('latin1');
      if (text.includes('forbidden')) throw new Refusal({ status: 403, rule: 'words', reason: `a ${kind} too far` });
      return undefined;
    },
    finish: () => undefined,
    notes: () => (text.includes('odd') ? [{ name: 'words', action: 'note', reason: 'an odd word' }] : []),
  };
}

afterAll(async () => {
  for (const server of [sockets, shortSockets]) for (const client of server?.clients ?? []) client.terminate();
  await rig?.close();
  await Promise.all([origin?.close(), plain?.close(), short?.close()]);
});

function open(
  host: string,
  path: string,
  more: Record<string, string> = {},
  deflate: PerMessageDeflateOptions | false = false,
): WebSocket {
  const headers = { host: `${host}:${rig.port}` };
  // `servername` is for the TLS socket beneath; the types of ws do not know it.
  const options = { servername: host, ca: rig.caPem, headers: { ...headers, ...more }, perMessageDeflate: deflate };
  return new WebSocket(`wss://127.0.0.1:${rig.port}${path}`, options);
}

function textOf(message: RawData): string {
  return Buffer.isBuffer(message) ? message.toString() : 'not one buffer';
}

function outcome(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('open', () => resolve('open'));
    socket.on('unexpected-response', (_, response) => {
      resolve(String(response.statusCode));
      response.destroy();
    });
    socket.on('error', (error) => resolve(error.message));
  });
}

test('an allowed socket carries messages both ways, and its end is recorded with bytes', async () => {
  const socket = open(HOST, '/echo');
  expect(await outcome(socket)).toBe('open');
  for (const message of ['hello', 'x'.repeat(300_000)]) {
    const echo = new Promise<string>((resolve) => socket.once('message', (bytes) => resolve(textOf(bytes))));
    socket.send(message);
    expect(await echo).toBe(message);
  }
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close(1000);
  expect(await closed).toBe(1000);
  const decision = rig.audit().find((line) => line.path === '/echo');
  expect(decision).toMatchObject({ protocol: 'websocket', decision: 'allow' });
  await expect.poll(() => rig.audit().find((line) => line.end?.of === decision?.seq)?.end?.outcome).toBe('complete');
  const end = rig.audit().find((line) => line.end?.of === decision?.seq);
  expect(end?.bytesOut).toBeGreaterThan(300);
  expect(end?.bytesIn).toBeGreaterThan(300);
});

test.each([
  ['plain', false],
  ['compressed', { threshold: 0 }],
] as const)('a secret goes out in the handshake and does not come back in a %s message', async (_, deflate) => {
  const socket = open(HOST, '/echo', { authorization: `Bearer ${PLACEHOLDER}` }, deflate);
  const message = await new Promise<string>((resolve) => socket.once('message', (bytes) => resolve(textOf(bytes))));
  expect(message).toBe(`you are Bearer ${PLACEHOLDER}`);
  expect(socket.extensions).toBe(deflate === false ? '' : 'permessage-deflate');
  socket.terminate();
});

test.each([
  ['plain', false],
  ['compressed', { threshold: 0 }],
] as const)('a refused %s message closes the socket and is recorded with its rule', async (name, deflate) => {
  const arrived: string[] = [];
  sockets.once('connection', (each) => each.on('message', (bytes) => arrived.push(textOf(bytes))));
  const path = `/echo?${name}`;
  const socket = open(HOST, path, {}, deflate);
  expect(await outcome(socket)).toBe('open');
  const echo = new Promise((resolve) => socket.once('message', resolve));
  socket.send('something odd');
  await echo;
  const closed = new Promise((resolve) => socket.once('close', (code, reason) => resolve(`${code} ${String(reason)}`)));
  socket.send('something forbidden');
  expect(await closed).toBe('1008 a message too far');
  expect(arrived).toEqual(['something odd']);
  const endOf = () => {
    const decision = rig.audit().find((line) => line.path === path);
    return rig.audit().find((line) => line.end?.of === decision?.seq);
  };
  await expect.poll(() => endOf()?.end).toMatchObject({ outcome: 'refused', detail: 'a message too far' });
  expect(endOf()?.inspectors).toContainEqual({ name: 'words', action: 'note', reason: 'an odd word' });
});

test.each([
  ['plain', false],
  ['compressed', { threshold: 0 }],
] as const)('a %s message beyond what the rule lets pass is refused as a body is', async (name, deflate) => {
  const arrived: string[] = [];
  const both = new Promise<void>((resolve) => {
    shortSockets.once('connection', (each) => {
      each.on('message', (bytes) => {
        arrived.push(textOf(bytes));
        if (arrived.length === 2) resolve();
      });
    });
  });
  const headers = { host: `short.example:${rig.port}` };
  const socket = new WebSocket(`ws://127.0.0.1:${rig.port}/${name}`, { headers, perMessageDeflate: deflate });
  expect(await outcome(socket)).toBe('open');
  const closed = new Promise((resolve) => socket.once('close', (code, reason) => resolve(`${code} ${String(reason)}`)));
  for (const message of ['ten bytes.', 'ten again.']) socket.send(message);
  await both;
  socket.send('z'.repeat(11));
  expect(await closed).toBe('1008 the rule lets a message of at most 10 bytes pass');
  expect(arrived).toEqual(['ten bytes.', 'ten again.']);
  const endOf = () => {
    const decision = rig.audit().find((line) => line.path === `/${name}`);
    return rig.audit().find((line) => line.end?.of === decision?.seq);
  };
  await expect.poll(endOf).toMatchObject({ rule: '<max-body>', decision: 'deny', end: { outcome: 'refused' } });
});

test('what is no frame closes the socket and is recorded', async () => {
  const socket = open(HOST, '/echo?broken');
  expect(await outcome(socket)).toBe('open');
  const closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)));
  // The types of ws do not know the socket beneath.
  Reflect.get(socket, '_socket').write(Buffer.from([0x81, 0x01, 0x61]));
  expect(await closed).toBe(1002);
  const decision = rig.audit().find((line) => line.path === '/echo?broken');
  await expect
    .poll(() => rig.audit().find((line) => line.end?.of === decision?.seq)?.end)
    .toMatchObject({ outcome: 'refused', detail: 'an unmasked WebSocket frame' });
});

test('a rule about methods does not allow a socket', async () => {
  expect(await outcome(open('reads.example', '/echo'))).toBe('403');
  expect(rig.audit()).toContainEqual(
    expect.objectContaining({ host: 'reads.example', protocol: 'websocket', decision: 'deny' }),
  );
});

test('an upstream that takes no socket answers as usual', async () => {
  expect(await outcome(open(HOST, '/other'))).toBe('400');
});

test.each([
  [
    'accepts somebody else’s key',
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  ],
  ['switches to another protocol', 'Upgrade: h2c\r\nConnection: Upgrade'],
  ['accepts nothing', 'Upgrade: websocket\r\nConnection: Upgrade'],
])('an upstream that %s opens no tunnel', async (_, fields) => {
  badUpgrade = `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\ntunnel`;
  const handshake = [
    'GET /bad HTTP/1.1',
    `Host: plain.example:${rig.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(rig.port, '127.0.0.1', () => socket.write(`${handshake.join('\r\n')}\r\n\r\n`));
    socket.on('data', (bytes: Buffer) => (text += String(bytes)));
    socket.on('close', () => resolve(text));
  });
  expect(answer).toContain('HTTP/1.1 502');
  expect(answer).not.toContain('tunnel');
});
