// The compiled egress as a process of its own: configured over IPC, given its listeners, left by its parent, controlled
// over its socket, ended by a signal.
import { fork, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { sendControl } from '../../src/egress/client.ts';
import { DEFAULT_LIMITS, type EgressConfig } from '../../src/egress/config.ts';
import { generationHash } from '../../src/egress/generation.ts';
import { run } from '../../src/platform/processes.ts';
import { portOf, readAuditLines } from './egress-rig.ts';

const MAIN = fileURLToPath(new URL('../../dist/backends/packed/egress.js', import.meta.url));
const isBuilt = existsSync(MAIN);

function createConfig(): EgressConfig {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-program-'));
  return {
    generation: 1,
    policy: { mode: 'filtered', rules: [] },
    bindings: [],
    secretValues: {},
    routes: [],
    cage: 'program',
    caDirectory: directory,
    auditDirectory: directory,
    controlSocket: join(directory, 'control.sock'),
    upstreamCaFiles: [],
    inspectors: [],
    limits: DEFAULT_LIMITS,
  };
}

function start(): ChildProcess {
  return fork(MAIN, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
}

function answerOf(child: ChildProcess, type: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: Record<string, unknown>) => {
      if (message['type'] === type) resolve(message);
    });
    child.on('exit', () => reject(new Error('the egress ended')));
  });
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('exit', (code) => resolve(code)));
}

test.skipIf(!isBuilt)(
  'the program serves on, without its parent, until it is told to stop (needs a build)',
  async () => {
    const config = createConfig();
    const child = start();
    const exited = exitOf(child);
    const configured = answerOf(child, 'configured');
    child.send({ type: 'configure', config });
    expect(await configured).toMatchObject({ generation: 1, hash: generationHash(config) });
    expect(String((await configured)['caPem'])).toContain('BEGIN CERTIFICATE');

    const proxy = createServer();
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const port = portOf(proxy);
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    const dnsPort = udp.address().port;
    await new Promise<void>((sent) => child.send({ type: 'listener', purpose: 'proxy', port }, proxy, () => sent()));
    await new Promise<void>((sent) =>
      child.send({ type: 'listener', purpose: 'dns-udp', port: 53 }, udp, () => sent()),
    );
    proxy.close();
    udp.close();
    const serving = answerOf(child, 'serving');
    child.send({ type: 'serve' });
    await serving;
    child.disconnect();

    const argv = ['-sSk', '--max-time', '10', '-x', `http://127.0.0.1:${port}`, 'https://denied.example/x'];
    const refused = await run('curl', argv, { env: { PATH: process.env['PATH'] } });
    expect(JSON.parse(refused.stdout.toString())).toMatchObject({ blockedBy: 'ironcage', host: 'denied.example' });
    expect(await resolveOver(dnsPort, 'some.example')).toMatch(/^198\.1[89]\.\d+\.\d+$/);

    const { policy, bindings, secretValues, routes } = config;
    const second = { generation: 2, policy, bindings, secretValues, routes };
    const applied = await sendControl(config.controlSocket, { op: 'apply', generation: second });
    expect(applied).toMatchObject({ ok: true, generation: 2, hash: generationHash(second), refused: 1 });
    expect(await sendControl(config.controlSocket, { op: 'apply', generation: second })).toMatchObject({
      ok: false,
      generation: 2,
    });
    expect(await sendControl(config.controlSocket, { op: 'stop' })).toMatchObject({ ok: true });
    expect(await exited).toBe(0);
    const records = readAuditLines(join(config.auditDirectory, 'audit.jsonl'));
    expect(records).toContainEqual(expect.objectContaining({ decision: 'deny' }));
    expect(records.at(-1)).toMatchObject({ protocol: 'control', path: 'stop' });
  },
);

test.skipIf(!isBuilt)('a parent that goes away before the program serves takes it along (needs a build)', async () => {
  const child = start();
  const exited = exitOf(child);
  const configured = answerOf(child, 'configured');
  child.send({ type: 'configure', config: createConfig() });
  await configured;
  child.disconnect();
  expect(await exited).toBe(1);
});

test.skipIf(!isBuilt)('a signal ends it in order (needs a build)', async () => {
  const child = start();
  const exited = exitOf(child);
  const configured = answerOf(child, 'configured');
  child.send({ type: 'configure', config: createConfig() });
  await configured;
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});

test.skipIf(!isBuilt).each([
  ['settings it cannot read', { type: 'configure', config: { cage: 'x' } }],
  ['a message it does not know', { type: 'dance' }],
  ['serving before it is configured', { type: 'serve' }],
])('%s ends it with a reason (needs a build)', async (_, message) => {
  const child = start();
  const exited = exitOf(child);
  const failed = answerOf(child, 'failed');
  child.send(message);
  expect(String((await failed)['message']).length).toBeGreaterThan(10);
  expect(await exited).toBe(1);
});

function resolveOver(port: number, name: string): Promise<string> {
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const query = Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.on('message', (answer) => {
      resolve([...answer.subarray(-4)].join('.'));
      socket.close();
    });
    socket.send(query, port, '127.0.0.1');
  });
}
