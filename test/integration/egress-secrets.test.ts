// Secrets: the value reaches its host in its slot, and comes back to the cage in no spelling.
import { gzipSync, brotliCompressSync, deflateSync } from 'node:zlib';
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'api.example';
const OTHER = 'other.example';
const VALUE = 'sk-real-5f4dcc3b5aa765d61d8327deb882cf99';
const PLACEHOLDER = 'sk-ironcage-00112233445566778899aabbccddeeff';

let origin: Origin;
let rig: Rig;
let seen: IncomingHttpHeaders = {};

beforeAll(async () => {
  const world = await createWorld();
  origin = await startOrigin(world, HOST, (request, response) => {
    seen = request.headers;
    const echo = JSON.stringify({ key: request.headers['x-api-key'], auth: request.headers.authorization });
    response.setHeader('X-Echo', request.headers['x-api-key'] ?? 'none');
    response.setHeader('ETag', '"1"');
    const coding = request.url?.slice(1);
    const coded = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }[coding ?? ''];
    if (coding === 'compress' || coded !== undefined) response.setHeader('Content-Encoding', coding ?? '');
    if (coding === 'slow') {
      response.write(echo.slice(0, 20));
      setImmediate(() => response.end(echo.slice(20)));
    } else if (coding === 'base64') response.end(Buffer.from(`x${echo}`).toString('base64'));
    else response.end(coded === undefined ? echo : coded(echo));
  });
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: (port) => [allow(HOST, { port }), allow(OTHER, { port })],
    routes: [
      { host: HOST, address: '127.0.0.1', port: origin.port },
      { host: OTHER, address: '127.0.0.1', port: origin.port },
    ],
    bindings: [
      {
        name: 'KEY',
        hosts: [HOST],
        slots: [{ kind: 'header', name: 'x-api-key' }, { kind: 'bearer' }],
        placeholder: PLACEHOLDER,
      },
    ],
    secretValues: { KEY: VALUE },
  });
});

afterAll(async () => {
  await rig?.close();
  await origin?.close();
});

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

function get(path: string, headers: Record<string, string>, host = HOST): Promise<Answer> {
  seen = {};
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: rig.port, servername: host, ca: rig.caPem, path, agent: false as const };
    const call = httpsRequest({ ...options, headers: { host: `${host}:${rig.port}`, ...headers } }, (response) => {
      let body = '';
      response.on('data', (bytes: Buffer) => (body += bytes.toString('latin1')));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

test('the value goes out in the bound header, and its echo comes back as the placeholder', async () => {
  const answer = await get('/', { 'x-api-key': PLACEHOLDER });
  expect(seen['x-api-key']).toBe(VALUE);
  expect(seen['accept-encoding']).toBe('identity');
  expect(answer.headers['x-echo']).toBe(PLACEHOLDER);
  expect(JSON.parse(answer.body)).toEqual({ key: PLACEHOLDER });
});

test('the value goes out as bearer', async () => {
  const answer = await get('/', { authorization: `Bearer ${PLACEHOLDER}` });
  expect(seen.authorization).toBe(`Bearer ${VALUE}`);
  expect(JSON.parse(answer.body)).toEqual({ auth: `Bearer ${PLACEHOLDER}` });
});

test('an echo cut in two is found', async () => {
  expect(JSON.parse((await get('/slow', { 'x-api-key': PLACEHOLDER })).body)).toEqual({ key: PLACEHOLDER });
});

test.each(['gzip', 'br', 'deflate'])('an echo in %s is looked into', async (coding) => {
  const answer = await get(`/${coding}`, { 'x-api-key': PLACEHOLDER });
  expect(answer.headers['content-encoding']).toBeUndefined();
  expect(answer.headers['etag']).toBeUndefined();
  expect(JSON.parse(answer.body)).toEqual({ key: PLACEHOLDER });
});

test('a coding that cannot be looked into is a bad gateway', async () => {
  const answer = await get('/compress', { 'x-api-key': PLACEHOLDER });
  expect(answer.status).toBe(502);
  expect(answer.body).not.toContain(VALUE);
});

test('an echo in base64 gives nothing away', async () => {
  const answer = await get('/base64', { 'x-api-key': PLACEHOLDER });
  for (const skip of [0, 1, 2, 3]) {
    expect(Buffer.from(answer.body.slice(skip), 'base64').toString('latin1')).not.toContain(VALUE.slice(8, 24));
  }
});

test('a response to a request without a secret is passed on as it is', async () => {
  const answer = await get('/gzip', { 'x-other': 'x' });
  expect(answer.headers['content-encoding']).toBe('gzip');
  expect(answer.headers['etag']).toBe('"1"');
});

test.each([
  ['another host', { 'x-api-key': PLACEHOLDER }, '/', OTHER],
  ['another header', { 'x-other': PLACEHOLDER }, '/', HOST],
  ['the path', {}, `/${PLACEHOLDER}`, HOST],
  ['the query', {}, `/?key=${PLACEHOLDER}`, HOST],
])('a placeholder in %s is refused', async (_, headers, path, host) => {
  const answer = await get(path, headers, host);
  expect(answer.status).toBe(403);
  expect(answer.body).toContain('<placeholder>');
  expect(seen).toEqual({});
});

test('the audit names the secret and never holds its value', async () => {
  await get('/named', { 'x-api-key': PLACEHOLDER });
  expect(rig.audit().find((line) => line.path === '/named')).toMatchObject({ decision: 'allow', secrets: ['KEY'] });
  expect(readFileSync(join(rig.directory, 'audit.jsonl'), 'utf8')).not.toContain(VALUE);
});

test('a value stays through new settings that do not mention it, and is gone once it is withdrawn', async () => {
  const { policy, bindings, routes } = rig.config;
  const { generation } = rig.egress.status();
  const without = { policy, bindings, secretValues: {}, routes };
  rig.egress.apply({ ...without, generation: generation + 1 });
  expect((await get('/', { 'x-api-key': PLACEHOLDER })).status).toBe(200);
  rig.egress.apply({ ...without, generation: generation + 2, withdrawnSecrets: bindings.map(({ name }) => name) });
  const refused = await get('/', { 'x-api-key': PLACEHOLDER });
  expect(refused.status).not.toBe(200);
  rig.egress.apply({ ...without, generation: generation + 3, secretValues: rig.config.secretValues });
  expect((await get('/', { 'x-api-key': PLACEHOLDER })).status).toBe(200);
});
