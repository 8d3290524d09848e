import { mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createAskDesk, ASK_LIMITS, type AnsweringDesk } from './ask-desk.ts';
import { sendControl } from './client.ts';
import { watchControl } from './client-watch.ts';
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

function createDesk(): AnsweringDesk {
  return createAskDesk(
    { ...ASK_LIMITS, maxQuestionsPerMinute: 10_000 },
    {
      now: () => Date.now(),
      after(delayMs, callback) {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
      },
    },
  );
}

async function open(socketPath: string) {
  const state = { settings: createSettings(FIRST), stopped: 0, desk: createDesk() };
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
    desk: state.desk,
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

/** Holds one request at the desk. */
function ask(desk: AnsweringDesk, path = '/v1'): { answer: ReturnType<AnsweringDesk['hold']>; giveUp(): void } {
  let drop: (() => void) | undefined;
  const answer = desk.hold(
    {
      exchange: {
        ...{ protocol: 'http', scheme: 'https', method: 'POST', host: 'a.example', port: 443, path, query: 'q=1' },
        headers: [['content-type', 'application/json']],
        contentLength: 12,
      },
      decision: { decision: 'ask', rule: '<ask>', reason: 'none', remedy: '', inspectors: [], private: false },
      client: { address: '::ffff:127.0.0.1', port: 4000 },
    },
    (callback) => (drop = callback),
  );
  return { answer, giveUp: () => drop?.() };
}

test('what waits is listed and answered, and a second answer is told that it comes late', async () => {
  const path = freshPath();
  const { desk } = await open(path);
  const { answer } = ask(desk);
  const listed = await sendControl(path, { op: 'asks' });
  const asks = listed.ok ? (listed.asks ?? []) : [];
  expect(asks).toMatchObject([{ method: 'POST', host: 'a.example', path: '/v1', query: 'q=1', contentLength: 12 }]);
  const id = asks[0]?.id ?? '';
  expect(await sendControl(path, { op: 'answer', id, answer: 'once', by: 'ann' })).toMatchObject({ ok: true });
  expect(await answer).toMatchObject({ answer: 'once' });
  const late = await sendControl(path, { op: 'answer', id, answer: 'deny', by: 'bob' });
  expect(late).toMatchObject({ ok: false, message: 'it was let pass already by ann' });
});

test('who watches is told what waits already, then what comes and how it ends, until it stops', async () => {
  const path = freshPath();
  const { desk } = await open(path);
  const first = ask(desk);
  const abort = new AbortController();
  const events: unknown[] = [];
  for await (const event of watchControl(path, abort.signal)) {
    events.push(event);
    if (event.event === 'ready') ask(desk, '/v2');
    if (event.event === 'asked' && event.ask.path === '/v2') desk.answer(event.ask.id, 'deny', 'ann');
    if (event.event === 'closed' && event.outcome === 'denied') first.giveUp();
    if (event.event === 'closed' && event.outcome === 'gone') abort.abort();
  }
  expect(events).toMatchObject([
    { event: 'asked', ask: { path: '/v1' } },
    { event: 'ready' },
    { event: 'asked', ask: { path: '/v2' } },
    { event: 'closed', outcome: 'denied', by: 'ann' },
    { event: 'closed', outcome: 'gone' },
  ]);
});

test('questions stay when the one who watched them goes away', async () => {
  const path = freshPath();
  const { desk } = await open(path);
  ask(desk);
  for await (const event of watchControl(path, new AbortController().signal)) if (event.event === 'ready') break;
  const again: string[] = [];
  for await (const event of watchControl(path, new AbortController().signal)) {
    again.push(event.event);
    if (event.event === 'ready') break;
  }
  expect(again).toEqual(['asked', 'ready']);
});

test('who watches and does not read is cut off, and costs nobody else anything', async () => {
  const path = freshPath();
  const { desk } = await open(path);
  const idle = connect({ path });
  await new Promise((resolve) => idle.write('{"op":"watch"}\n', resolve));
  await new Promise((resolve) => idle.once('data', resolve));
  idle.pause();
  for (let index = 0; index < 1000; index++) ask(desk, `/${index}/${'a'.repeat(8000)}`).giveUp();
  const closed = new Promise((resolve) => idle.once('close', resolve));
  idle.on('error', () => undefined).resume();
  await closed;
  expect(await sendControl(path, { op: 'asks' })).toMatchObject({ ok: true, asks: [] });
});

test('a request that is too long is answered with an error and the connection ends', async () => {
  const path = freshPath();
  await open(path);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect({ path }, () => socket.write(Buffer.alloc(16 * 1024 * 1024 + 1, 'x')));
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    socket.on('close', () => resolve(text));
    socket.on('error', () => undefined);
  });
  expect(JSON.parse(answer)).toMatchObject({ ok: false, message: 'the request is too long', generation: 1 });
  expect(await sendControl(path, { op: 'status' })).toMatchObject({ ok: true });
});
