// What a whole egress does with content: whatever its coding or framing, a secret, a placeholder, a push beyond its rule or
// an undecodable body does not arrive, and the record says what was found without saying it.
import { connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { InspectionSettings } from '../../src/policy/types.ts';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'content.example';
/** Has the secret. */
const BOUND = 'bound.example';
const VALUE = 'real-5f4dcc3b5aa765d61d8327deb882cf99';
const PLACEHOLDER = 'ironcage-00112233445566778899aabbccddeeff';
/** Of the form of a provider's tokens, and nobody's. */
const FOREIGN = `ghp_${'0123456789abcdefABCDEF'.repeat(2).slice(0, 36)}`;

let origin: Origin;
let flagging: Rig;
let blocking: Rig;
/** Bodies and messages that arrived whole. */
let arrived: string[] = [];

beforeAll(async () => {
  const world = await createWorld();
  origin = await startOrigin(world, HOST, (request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      arrived.push(Buffer.concat(pieces).toString('latin1'));
      response.end('taken');
    });
  });
  new WebSocketServer({ server: origin.server }).on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      arrived.push(data.toString('latin1'));
      socket.send('taken');
    });
  });
  const open = (inspection: InspectionSettings): Promise<Rig> =>
    startRig({
      upstreamCaPem: world.caPem,
      inspection,
      rules: (port) => [
        allow(HOST, { id: 'push', port, path: '/push', pushRefs: ['refs/heads/agent/*'] }),
        allow(HOST, { port, websocket: true }),
        allow(HOST, { port }),
      ],
      bindings: [{ name: 'KEY', hosts: [BOUND], slots: [{ kind: 'bearer' }], placeholder: PLACEHOLDER }],
      secretValues: { KEY: VALUE },
      routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
    });
  flagging = await open({ secretShapes: 'flag', payloadShape: 'flag' });
  blocking = await open({ secretShapes: 'block', payloadShape: 'block' });
});

beforeEach(() => {
  arrived = [];
});

afterAll(async () => {
  await flagging?.close();
  await blocking?.close();
  await origin?.close();
});

type Send = (rig: Rig, body: Buffer, headers?: Record<string, string>, path?: string) => Promise<string>;

/** Status and body of the answer; sent in small pieces, without a length. */
const overHttp1: Send = (rig, body, headers = {}, path = '/') =>
  new Promise((resolve, reject) => {
    const call = httpsRequest(
      {
        host: '127.0.0.1',
        port: rig.port,
        servername: HOST,
        ca: rig.caPem,
        agent: false,
        method: 'POST',
        path,
        headers: { host: `${HOST}:${rig.port}`, ...headers },
      },
      (response) => {
        let text = `${response.statusCode} `;
        response.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
        response.on('end', () => resolve(text));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    for (let at = 0; at < body.length; at += 1000) call.write(body.subarray(at, at + 1000));
    call.end();
  });

const overHttp2: Send = (rig, body, headers = {}, path = '/') =>
  new Promise((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: rig.port,
      servername: HOST,
      ca: rig.caPem,
      ALPNProtocols: ['h2'],
    });
    const session = connect(`https://${HOST}:${rig.port}`, { createConnection: () => socket });
    session.on('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    let text = '';
    stream.on('response', (fields) => (text = `${fields[':status']} `));
    stream.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      session.destroy();
      resolve(text);
    });
    stream.end(body);
  });

const padded = (text: string): Buffer => Buffer.from(`${'a field, '.repeat(500)}${text}${', the end'.repeat(500)}`);

const WAYS: readonly (readonly [string, Send])[] = [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
];

for (const [way, send] of WAYS) {
  test.each([
    ['as it is', VALUE],
    ['in base64', Buffer.from(`x${VALUE}`).toString('base64')],
    ['in hexadecimal', Buffer.from(VALUE).toString('hex')],
    ['in UTF-16', Buffer.from(VALUE, 'utf16le').toString('latin1')],
    ['compressed within base64', gzipSync(`${VALUE} and more`).toString('base64')],
  ])(`over ${way}, a secret in a body %s does not arrive`, async (_, text) => {
    const body = Buffer.concat([padded(''), Buffer.from(text, 'latin1'), padded('')]);
    const answer = await send(flagging, body, { 'content-type': 'image/png' });
    expect(answer).toMatch(/^403 .*<secret-leak>/s);
    expect(answer).not.toContain(VALUE);
    expect(arrived).toEqual([]);
    const record = flagging.audit().at(-1);
    expect(record).toMatchObject({ decision: 'deny', rule: '<secret-leak>', end: { outcome: 'refused', status: 403 } });
    // The same without the secret arrives.
    expect(await send(flagging, padded(''), { 'content-type': 'image/png' })).toBe('200 taken');
    expect(arrived).toEqual([padded('').toString()]);
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])(`over ${way}, what is coded with %s is looked into and arrives as it was`, async (coding, encode) => {
    const headers = { 'content-encoding': coding };
    expect(await send(flagging, encode(padded(VALUE)), headers)).toMatch(/^403 .*<secret-leak>/s);
    expect(await send(flagging, encode(padded(PLACEHOLDER)), headers)).toMatch(/^403 .*<placeholder>/s);
    const harmless = encode(padded('nothing'));
    expect(await send(flagging, harmless, headers)).toBe('200 taken');
    expect(arrived).toEqual([harmless.toString('latin1')]);
  });

  test(`over ${way}, a coding that nobody knows, a false one and a bomb are refused`, async () => {
    const refused = async (body: Buffer, coding: string) => send(flagging, body, { 'content-encoding': coding });
    expect(await refused(padded(''), 'compress')).toMatch(/^403 .*<encoding>/s);
    expect(await refused(padded(''), 'gzip')).toMatch(/^403 .*<encoding>/s);
    expect(await refused(gzipSync(padded('')).subarray(0, -12), 'gzip')).toMatch(/^403 .*<encoding>/s);
    expect(await refused(gzipSync(Buffer.alloc(30_000_000)), 'gzip')).toMatch(/^403 .*<bomb>/s);
    expect(arrived).toEqual([]);
  });

  test(`over ${way}, a push beyond its rule does not arrive`, async () => {
    const push = (reference: string): Buffer => {
      const line = `${'0'.repeat(40)} ${'1'.repeat(40)} ${reference}\0 report-status\n`;
      return Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}0000PACK${'x'.repeat(5000)}`);
    };
    expect(await send(flagging, push('refs/heads/main'), {}, '/push')).toMatch(/^403 .*<git-push>/s);
    expect(await send(flagging, Buffer.from('no list at all'), {}, '/push')).toMatch(/^403 .*<git-push>/s);
    expect(arrived).toEqual([]);
    expect(await send(flagging, push('refs/heads/agent/a'), {}, '/push')).toBe('200 taken');
    expect(arrived).toHaveLength(1);
  });

  test(`over ${way}, what looks like somebody’s credential is noted, and stopped where the policy says so`, async () => {
    expect(await send(flagging, padded(` ${FOREIGN} `))).toBe('200 taken');
    const notes = JSON.stringify(flagging.audit());
    expect(notes).toContain('"secret-shape"');
    expect(notes).not.toContain(FOREIGN);
    expect(await send(blocking, padded(` ${FOREIGN} `))).toMatch(/^403 .*<secret-shape>/s);
    expect(arrived).toHaveLength(1);
  });
}

test('a secret in a WebSocket message ends the socket before it arrives', async () => {
  const socket = new WebSocket(`wss://127.0.0.1:${flagging.port}/`, {
    headers: { host: `${HOST}:${flagging.port}` },
    ca: flagging.caPem,
    perMessageDeflate: { threshold: 0 },
    // For the TLS socket beneath, which the types of ws do not know.
    ...{ servername: HOST },
  });
  await new Promise<void>((resolve, reject) => socket.on('open', resolve).on('error', reject));
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  const answered = new Promise<void>((resolve) => socket.on('message', () => resolve()));
  socket.send('harmless');
  await answered;
  socket.send(padded(Buffer.from(VALUE).toString('base64')));
  expect(await closed).toBe(1008);
  expect(arrived).toEqual(['harmless']);
});
