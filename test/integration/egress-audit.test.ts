// Audit before act, and fail closed: a decision is on disk before anything leaves, and what cannot be written, vetted or
// verified does not leave at all.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAudit } from '../../src/audit/read.ts';
import { summarise } from '../../src/audit/summary.ts';
import { verifyChain } from '../../src/audit/verify.ts';
import { openAuditWriter } from '../../src/audit/writer.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/processes.ts';
import {
  allow,
  createWorld,
  portOf,
  readAuditLines,
  startOrigin,
  startRig,
  type Rig,
  type RigOptions,
  type World,
} from './egress-rig.ts';

const HOST = 'origin.example';
let world: World;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  world = await createWorld();
});

afterAll(async () => {
  for (const close of closers) await close();
});

async function start(options: RigOptions): Promise<Rig> {
  const rig = await startRig(options);
  closers.push(() => rig.close());
  return rig;
}

function get(rig: Rig, path: string, host = HOST): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${host}:${rig.port}` };
    const call = httpRequest({ host: '127.0.0.1', port: rig.port, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (bytes: Buffer) => (body += String(bytes)));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    call.on('error', reject);
    call.end();
  });
}

/** A plain origin that tells what the audit file held when the first byte of a request came in. */
async function startWitness(auditPath: () => string) {
  const heldAt: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      heldAt.push(readFileSync(auditPath(), 'utf8'));
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => void server.close());
  return { port: portOf(server), heldAt };
}

test('the decision is in the file before the upstream sees a byte', async () => {
  let directory = '';
  const witness = await startWitness(() => join(directory, 'audit.jsonl'));
  const rig = await start({
    rules: (port) => [allow(HOST, { scheme: 'http', port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: witness.port }],
  });
  directory = rig.directory;
  for (const path of ['/first', '/second']) {
    expect((await get(rig, path)).status).toBe(200);
    expect(witness.heldAt.at(-1)).toContain(`"path":"${path}"`);
  }
});

test('many requests at once leave a whole chain with one end each', async () => {
  const origin = await startOrigin(undefined, HOST, (_, response) => response.end('ok'));
  closers.push(() => origin.close());
  const rig = await startRig({
    rules: (port) => [allow(HOST, { scheme: 'http', port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
  });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => get(rig, `/${index}`)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await rig.close();
  expect(await verifyChain(rig.directory)).toMatchObject({ ok: true, records: 202 });
  const lines = rig.audit();
  for (const decision of lines.filter((line) => line.end === undefined)) {
    expect(lines.filter((line) => line.end?.of === decision.seq)).toHaveLength(1);
  }
});

test('a start, each policy that comes into force, and a stop are on record, and are no requests', async () => {
  const rig = await startRig({});
  rig.egress.apply({ ...rig.config, generation: 2 });
  const { hash } = rig.egress.status();
  await rig.close();
  const events = readAuditLines(join(rig.directory, 'audit.jsonl'));
  expect(events.map(({ protocol, host, rule, path }) => ({ protocol, host, rule, path }))).toEqual([
    {
      protocol: 'control',
      host: '',
      rule: '<egress>',
      path: expect.stringMatching(/^start, generation 1 [0-9a-f]{64}$/),
    },
    { protocol: 'control', host: '', rule: '<policy>', path: `generation 2 ${hash}` },
    { protocol: 'control', host: '', rule: '<egress>', path: 'stop' },
  ]);
  expect(await summarise(readAudit(rig.directory))).toMatchObject({ total: 0 });
});

test('a decision that cannot be written is a refusal, and nothing is dialled until it can be again', async () => {
  const witness = await startWitness(() => '/dev/null');
  let isBroken = false;
  let inner: Awaited<ReturnType<typeof openAuditWriter>> | undefined;
  const rig = await start({
    rules: (port) => [allow(HOST, { scheme: 'http', port })],
    routes: [{ host: HOST, address: '127.0.0.1', port: witness.port }],
    audit: {
      append: (entry) => (isBroken || inner === undefined ? Promise.reject(new Error('ENOSPC')) : inner.append(entry)),
      close: async () => inner?.close(),
    },
  });
  inner = await openAuditWriter(rig.directory, 'rig', systemClock);
  expect((await get(rig, '/control')).status).toBe(200);
  isBroken = true;
  const refused = await get(rig, '/broken');
  expect(refused.status).toBe(503);
  expect(JSON.parse(refused.body)).toMatchObject({ rule: '<audit>' });
  expect(witness.heldAt).toHaveLength(1);
  isBroken = false;
  expect((await get(rig, '/again')).status).toBe(200);
});

const isRoot = process.getuid?.() === 0;
const mayMount = isRoot && (await run('mount', ['-V'], { env: {} }).catch(() => undefined)) !== undefined;

test.skipIf(!mayMount)('a full disk is a refusal (needs root for a small disk)', async () => {
  const env = { PATH: process.env['PATH'] };
  const origin = await startOrigin(undefined, HOST, (_, response) => response.end('ok'));
  closers.push(() => origin.close());
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const disk = mkdtempSync('/tmp/ironcage-disk-');
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { env });
  expect(mounted.stderr).toBe('');
  try {
    const audit = await openAuditWriter(disk, 'rig', systemClock);
    const rig = await startRig({
      audit,
      rules: (port) => [allow(HOST, { scheme: 'http', port })],
      routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
    });
    expect((await get(rig, '/control')).status).toBe(200);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(48 * 1024));
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < 60; count += 1) statuses.push((await get(rig, `/${count}`)).status);
    expect(statuses.at(-1)).toBe(503);
    expect(statuses.indexOf(503)).toBeLessThan(statuses.length);
    rmSync(join(disk, 'ballast'));
    expect((await get(rig, '/again')).status).toBe(200);
    await rig.close();
    expect(await verifyChain(disk)).toMatchObject({ ok: true });
    expect(readAuditLines(join(disk, 'audit.jsonl')).some((line) => line.path === '/again')).toBe(true);
  } finally {
    await run('umount', [disk], { env });
    rmSync(disk, { recursive: true });
  }
});

test('a name that resolves to a private address is refused after the decision and before the dial', async () => {
  const witness = await startWitness(() => '/dev/null');
  const rules = (port: number) => [
    allow(HOST, { scheme: 'http', port: witness.port }),
    allow('x.example', { scheme: 'http', port }),
  ];
  const rig = await start({ rules, lookup: () => Promise.resolve(['127.0.0.1']) });
  const answer = await get(rig, '/', 'x.example');
  expect(answer.status).toBe(403);
  expect(JSON.parse(answer.body)).toMatchObject({ rule: '<address>' });
  expect(rig.audit().map(({ decision, rule }) => ({ decision, rule }))).toEqual([
    { decision: 'allow', rule: 'allow:x.example' },
    { decision: 'deny', rule: '<address>' },
  ]);
  expect(witness.heldAt).toHaveLength(0);
});

test('a private address is dialled where the rule says private, a metadata service never', async () => {
  const witness = await startWitness(() => '/dev/null');
  const rig = await start({
    rules: () => [
      allow(HOST, { scheme: 'http', port: witness.port, private: true }),
      allow('meta.example', { scheme: 'http', port: witness.port, private: true }),
    ],
    lookup: (host) => Promise.resolve([host === HOST ? '127.0.0.1' : '169.254.169.254']),
  });
  const viaProxy = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const path = `http://${host}:${witness.port}/`;
      const headers = { host: `${host}:${witness.port}` };
      const call = httpRequest({ host: '127.0.0.1', port: rig.proxyPort, path, headers, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      });
      call.on('error', reject);
      call.end();
    });
  expect(await viaProxy(HOST)).toBe(200);
  expect(await viaProxy('meta.example')).toBe(403);
});

test.each([
  ['an authority that nobody trusts', false, HOST],
  ['a certificate for another name', true, 'other.example'],
])('an upstream with %s is refused by name', async (_, isTrusted, name) => {
  let asked = 0;
  const origin = await startOrigin(world, name, (_request, response) => {
    asked += 1;
    response.end('ok');
  });
  closers.push(() => origin.close());
  const rig = await start({
    ...(isTrusted ? { upstreamCaPem: world.caPem } : {}),
    rules: () => [allow(HOST)],
    routes: [{ host: HOST, address: '127.0.0.1', port: origin.port }],
  });
  const argv = ['-sS', '--max-time', '10', '--cacert', rig.caFile, '-x', `http://127.0.0.1:${rig.proxyPort}`];
  const { stdout } = await run('curl', [...argv, `https://${HOST}/`], { env: { PATH: process.env['PATH'] } });
  expect(JSON.parse(stdout.toString())).toMatchObject({ rule: '<upstream-certificate>' });
  expect(asked).toBe(0);
  expect(rig.audit().at(-1)).toMatchObject({ end: { outcome: 'upstream-error', status: 502 } });
});

test('a route with an authority of its own trusts that one, and only there', async () => {
  const origin = await startOrigin(world, HOST, (_, response) => response.end('routed'));
  closers.push(() => origin.close());
  const rig = await start({
    rules: () => [allow(HOST), allow('other.example')],
    routes: [
      { host: HOST, address: '127.0.0.1', port: origin.port, caPem: world.caPem },
      { host: 'other.example', address: '127.0.0.1', port: origin.port },
    ],
  });
  const argv = ['-sS', '--max-time', '10', '--cacert', rig.caFile, '-x', `http://127.0.0.1:${rig.proxyPort}`];
  const env = { PATH: process.env['PATH'] };
  expect((await run('curl', [...argv, `https://${HOST}/`], { env })).stdout.toString()).toBe('routed');
  expect((await run('curl', [...argv, 'https://other.example/'], { env })).stdout.toString()).toContain(
    '<upstream-certificate>',
  );
});

test('an upstream that is not there is a bad gateway, one that does not answer a timeout', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closers.push(async () => void silent.close());
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const gonePort = portOf(gone);
  await new Promise((resolve) => gone.close(resolve));
  const rig = await start({
    rules: () => [allow(HOST), allow('gone.example', { scheme: 'http' })],
    routes: [
      { host: HOST, address: '127.0.0.1', port: portOf(silent) },
      { host: 'gone.example', address: '127.0.0.1', port: gonePort },
    ],
    limits: { dialTimeoutMs: 200 },
  });
  const argv = [
    '-sS',
    '--http1.1',
    '-i',
    '--max-time',
    '10',
    '--cacert',
    rig.caFile,
    '-x',
    `http://127.0.0.1:${rig.proxyPort}`,
  ];
  const env = { PATH: process.env['PATH'] };
  expect((await run('curl', [...argv, `https://${HOST}/`], { env })).stdout.toString()).toContain('HTTP/1.1 504');
  expect((await run('curl', [...argv, 'http://gone.example/'], { env })).stdout.toString()).toContain('HTTP/1.1 502');
});

test('beyond the bound of connections the next one is cut, and a flood is one record', async () => {
  const { connect } = await import('node:net');
  const rig = await start({ limits: { maxConnections: 3 } });
  const sockets = await Promise.all(
    Array.from(
      { length: 3 },
      () =>
        new Promise<ReturnType<typeof connect>>((resolve) => {
          const socket = connect(rig.port, '127.0.0.1', () => resolve(socket));
        }),
    ),
  );
  await expect.poll(() => rig.egress.status().connections).toBe(3);
  for (let count = 0; count < 5; count += 1) {
    await new Promise<void>((resolve) => {
      const socket = connect(rig.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
  }
  await expect.poll(() => rig.audit().filter((line) => line.rule === '<limit>').length).toBe(1);
  for (const socket of sockets) socket.destroy();
});
