import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { sendControl } from './client.ts';
import type { EgressGeneration } from './config.ts';
import { openControl } from './control.ts';
import { createSettings } from './settings.ts';

const FIRST: EgressGeneration = {
  generation: 1,
  policy: { mode: 'filtered', rules: [] },
  bindings: [],
  secretValues: {},
  routes: [],
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function open(socketPath: string) {
  const state = { settings: createSettings(FIRST), stopped: 0 };
  const server = await openControl(socketPath, {
    status: () => ({
      generation: state.settings.generation,
      hash: state.settings.hash,
      connections: 1,
      requests: 2,
      refused: 3,
    }),
    apply: (generation) => {
      state.settings = createSettings(generation);
    },
    stop: () => (state.stopped += 1),
  });
  servers.push(server);
  return state;
}

function freshPath(): string {
  return join(mkdtempSync(join(tmpdir(), 'ironcage-control-')), 'control.sock');
}

test('status, apply and stop are answered with the generation and its hash', async () => {
  const path = freshPath();
  const state = await open(path);
  expect(await sendControl(path, { op: 'status' })).toMatchObject({
    ok: true,
    generation: 1,
    pid: process.pid,
    refused: 3,
  });
  const second = { ...FIRST, generation: 2, secretValues: { KEY: 'real' } };
  const answer = await sendControl(path, { op: 'apply', generation: second });
  expect(answer).toMatchObject({ ok: true, generation: 2, hash: createSettings(second).hash });
  expect(JSON.stringify(answer)).not.toContain('real');
  expect(await sendControl(path, { op: 'stop' })).toMatchObject({ ok: true });
  expect(state.stopped).toBe(1);
});

test.each([
  ['no JSON', 'secret-in-here\n'],
  ['no object', '1\n'],
  ['an unknown operation', '{"op":"obey"}\n'],
  ['no generation', '{"op":"apply"}\n'],
  ['half a generation', '{"op":"apply","generation":{"generation":2}}\n'],
])('%s is answered with a message and changes nothing', async (_, line) => {
  const path = freshPath();
  await open(path);
  const answer = await new Promise<string>((resolve) => {
    const socket = connect({ path }, () => socket.write(line));
    socket.once('data', (bytes: Buffer) => {
      resolve(String(bytes));
      socket.destroy();
    });
  });
  expect(JSON.parse(answer)).toMatchObject({ ok: false, generation: 1 });
  expect(answer).not.toContain('secret-in-here');
});

test('the socket is for its owner, and replaces one that a killed egress left', async () => {
  const path = freshPath();
  await open(path);
  await open(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await sendControl(path, { op: 'status' })).toMatchObject({ ok: true });
});

test('a path longer than the kernel takes works on both sides', async () => {
  const directory = join(mkdtempSync(join(tmpdir(), 'ironcage-control-')), 'd'.repeat(120));
  mkdirSync(directory);
  const path = join(directory, 'control.sock');
  await open(path);
  expect(statSync(path).isSocket()).toBe(true);
  expect(await sendControl(path, { op: 'status' })).toMatchObject({ ok: true });
});

test('a file in the socket’s place is left alone', async () => {
  const path = freshPath();
  writeFileSync(path, 'precious');
  await expect(open(path)).rejects.toThrow('EADDRINUSE');
});

test('nobody there is an error that says what to do', async () => {
  await expect(sendControl(freshPath(), { op: 'status' }, 200)).rejects.toMatchObject({ code: 'E_EGRESS' });
});
