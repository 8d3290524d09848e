// What is kept of real traffic for HAR: that it is what went by, and that no upstream gets the value of a secret into it.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer, type RawData } from 'ws';
import { openCaptureIndex } from '../../src/audit/capture-read.ts';
import { harEntry, type HarEntry } from '../../src/audit/har-entry.ts';
import { mergeEnds } from '../../src/audit/merge.ts';
import { readAudit } from '../../src/audit/read.ts';
import { CAPTURE_LIMITS, createCapture } from '../../src/egress/capture-log.ts';
import type { Capture } from '../../src/egress/capture.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'har.example';
const RAW = 'raw.example';
const VALUE = 'real-5f4dcc3b5aa765d61d8327deb882cf99';
const PLACEHOLDER = 'ironcage-00112233445566778899aabbccddeeff';
const CREDENTIAL = { authorization: `Bearer ${PLACEHOLDER}` };
let origin: Origin;
let raw: Origin;
let rig: Rig;
let capture: Capture;
let directory: string;
let sockets: WebSocketServer;

beforeAll(async () => {
  const world = await createWorld();
  // Everything that an upstream can say, it says with the secret in it.
  origin = await startOrigin(world, HOST, (request, response) => {
    const credential = String(request.headers.authorization).replace('Bearer ', '');
    const encoded = Buffer.from(credential).toString('base64');
    response.writeHead(200, `fine ${credential}`, {
      'content-type': 'text/plain',
      'set-cookie': [`session=${credential}; Path=/`, `other=${encoded}`],
      location: `https://${HOST}/?key=${credential}`,
      [`x-${credential.toUpperCase()}`]: 'in a name',
    });
    request.resume().on('end', () => response.end(`you are ${credential}, also ${encoded}`));
  });
  sockets = new WebSocketServer({ server: origin.server, perMessageDeflate: { threshold: 0 } });
  sockets.on('connection', (socket, request) => {
    socket.on('message', (bytes) => socket.send(`${textOf(bytes)} of ${request.headers.authorization}`));
  });
  raw = await startOrigin(world, RAW, (_, response) => response.end());
  raw.server.on('upgrade', (request, socket: Socket) => {
    socket.on('error', () => undefined);
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    const lines = [
      ...[`HTTP/1.1 101 you are ${VALUE}`, 'Connection: Upgrade', 'Upgrade: websocket'],
      ...[`Sec-WebSocket-Accept: ${accept}`, `X-${VALUE}: in a name`, `X-Value: ${VALUE}`, '', ''],
    ];
    socket.end(Buffer.concat([Buffer.from(lines.join('\r\n')), Buffer.from([0x88, 0])]));
  });
  directory = mkdtempSync('/tmp/ironcage-har-');
  capture = await createCapture(directory, CAPTURE_LIMITS, systemClock);
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [
      allow(HOST, { port }),
      allow(HOST, { id: 'post', port, methods: ['POST'] }),
      allow(RAW, { port }),
    ],
    bindings: [{ name: 'KEY', hosts: [HOST, RAW], slots: [{ kind: 'bearer' }], placeholder: PLACEHOLDER }],
    secretValues: { KEY: VALUE },
    routes: [
      { host: HOST, address: '127.0.0.1', port: origin.port },
      { host: RAW, address: '127.0.0.1', port: raw.port },
    ],
    parts: { capture },
  });
});

afterAll(async () => {
  for (const client of sockets?.clients ?? []) client.terminate();
  await rig?.close();
  await Promise.all([origin?.close(), raw?.close()]);
  rmSync(directory, { recursive: true });
});

function textOf(message: RawData): string {
  return Buffer.isBuffer(message) ? message.toString() : 'not one buffer';
}

function connectTo(host: string, path: string): WebSocket {
  const options = { servername: host, ca: rig.caPem, headers: { host: `${host}:${rig.port}`, ...CREDENTIAL } };
  return new WebSocket(`wss://127.0.0.1:${rig.port}${path}`, options);
}

function post(path: string, body: string): Promise<string[]> {
  const headers = { host: `${HOST}:${rig.port}`, 'x-empty': '', ...CREDENTIAL };
  const options = { host: '127.0.0.1', port: rig.port, servername: HOST, ca: rig.caPem, path, method: 'POST', headers };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(options, (response) => {
      response.resume().on('end', () => resolve([response.statusMessage ?? '', ...response.rawHeaders]));
    });
    request.on('error', reject).end(body);
  });
}

async function entries(): Promise<HarEntry[]> {
  await rig.close();
  await capture.close();
  const index = await openCaptureIndex(directory);
  const made: HarEntry[] = [];
  try {
    for await (const record of mergeEnds(readAudit(rig.directory))) {
      if (record.protocol !== 'http' && record.protocol !== 'websocket') continue;
      made.push(harEntry(record, await index.framesOf(record.seq)));
    }
  } finally {
    await index.close();
  }
  return made;
}

test('whatever an upstream says with a secret in it, neither the client nor the HAR gets its value', async () => {
  const heard = await post('/first?a=b&c=%20', 'a body');
  const socket = connectTo(HOST, '/socket');
  await new Promise((resolve) => socket.once('open', resolve));
  const answered = new Promise<string>((resolve) => socket.once('message', (bytes) => resolve(textOf(bytes))));
  socket.send('a message');
  heard.push(await answered);
  const over = new Promise((resolve) => socket.once('close', resolve));
  socket.close(1000);
  await over;
  const odd = connectTo(RAW, '/odd');
  odd.once('upgrade', ({ statusMessage, rawHeaders }) => heard.push(statusMessage ?? '', ...rawHeaders));
  await new Promise((resolve) => odd.once('close', resolve));
  expect(heard.join('\n')).not.toMatch(/5f4dcc3b5aa7/i);

  const made = await entries();
  expect(made.map(({ request: { url } }) => new URL(url).pathname)).toEqual(['/first', '/socket', '/odd']);
  const text = JSON.stringify(made);
  expect(text).not.toMatch(/5f4dcc3b5aa7/i);
  expect(text).not.toContain(Buffer.from(VALUE).toString('base64').slice(0, 40));
  expect(made[0]).toMatchObject({
    request: { method: 'POST', postData: { text: 'a body' } },
    response: {
      status: 200,
      statusText: `fine ${PLACEHOLDER}`,
      redirectURL: `https://${HOST}/?key=${PLACEHOLDER}`,
      cookies: [{ name: 'session', value: PLACEHOLDER }, { name: 'other' }],
    },
  });
  expect(made[1]?._webSocketMessages).toMatchObject([
    { type: 'send', opcode: 1, data: 'a message' },
    { type: 'receive', opcode: 1, data: `a message of Bearer ${PLACEHOLDER}` },
  ]);
  expect(made[2]?.response.statusText).toBe(`you are ${PLACEHOLDER}`);
});
