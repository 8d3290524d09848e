// Rules that change under load: no connection is dropped, every answer is one of a generation that was in force while its
// request was under way, and what had begun goes on. A generation that cannot be taken changes nothing and says so.
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ASK_LIMITS, createAskDesk } from '../../src/egress/ask-desk.ts';
import { sendControl } from '../../src/egress/client.ts';
import type { ControlAnswer, EgressGeneration } from '../../src/egress/config.ts';
import { openControl } from '../../src/egress/control.ts';
import { generationHash } from '../../src/egress/generation.ts';
import type { Rule } from '../../src/policy/types.ts';
import { allow, createWorld, startOrigin, startRig, type Origin, type Rig } from './egress-rig.ts';

const HOST = 'load.example';
const CLIENTS = 50;
const CHANGES = 200;

let rig: Rig;
let plain: Origin;
let secure: Origin;
let sockets: WebSocketServer;
let control: Server;
let path: string;
/** Sends one event on the stream that is open. */
let sendEvent: ((text: string) => void) | undefined;

beforeAll(async () => {
  const world = await createWorld();
  plain = await startOrigin(undefined, HOST, (_, response) => response.end('allowed'));
  secure = await startOrigin(world, 'live.example', (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: begin\n\n');
    sendEvent = (text) => response.write(`data: ${text}\n\n`);
  });
  sockets = new WebSocketServer({ server: secure.server, path: '/socket' });
  sockets.on('connection', (socket) => socket.on('message', (bytes) => socket.send(bytes)));
  rig = await startRig({
    upstreamCaPem: world.caPem,
    rules: rulesOf(true),
    routes: [
      { host: HOST, address: '127.0.0.1', port: plain.port },
      { host: 'live.example', address: '127.0.0.1', port: secure.port },
    ],
  });
  path = join(rig.directory, 'control.sock');
  const desk = createAskDesk(ASK_LIMITS, { now: () => Date.now(), after: () => () => undefined });
  control = await openControl(path, {
    status: () => rig.egress.status(),
    apply: (generation) => rig.egress.apply(generation),
    stop: () => undefined,
    desk,
  });
});

afterAll(async () => {
  control.close();
  for (const client of sockets.clients) client.terminate();
  await rig.close();
  await Promise.all([plain.close(), secure.close()]);
});

const rulesOf =
  (isAllowed: boolean) =>
  (port: number): Rule[] => [
    allow(HOST, { scheme: 'http', port }),
    // What had begun is denied with the same change, and must go on all the same.
    ...(isAllowed
      ? [allow('live.example', { port })]
      : [
          { id: 'deny:load', effect: 'deny' as const, origin: 'user' as const, host: HOST },
          { id: 'deny:live', effect: 'deny' as const, origin: 'user' as const, host: 'live.example' },
        ]),
  ];

interface Load {
  answers: { from: number; to: number; status: number }[];
  failures: string[];
  connections: number;
  stop(): Promise<void>;
}

/** Clients that each keep one connection and ask on it again and again. `current`: the newest generation that may be in force. */
function startLoad(generations: { applied: number; sent: number }): Load {
  const load: Load = { answers: [], failures: [], connections: 0, stop };
  const over = new AbortController();
  const done = Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const seen = new Set<unknown>();
      while (!over.signal.aborted && load.failures.length === 0) {
        const from = generations.applied;
        try {
          const status = await ask(agent, seen);
          load.answers.push({ from, to: generations.sent, status });
        } catch (error) {
          load.failures.push(String(error));
        }
      }
      load.connections += seen.size;
      agent.destroy();
    }),
  );
  async function stop(): Promise<void> {
    over.abort();
    await done;
  }
  return load;
}

function ask(agent: Agent, seen: Set<unknown>): Promise<number> {
  const headers = { host: `${HOST}:${rig.port}` };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: rig.port, path: '/', headers, agent }, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0)).resume();
    });
    request.on('socket', (socket) => seen.add(socket));
    request.on('error', reject).end();
  });
}

function openStream(): Promise<IncomingMessage> {
  const headers = { host: `live.example:${rig.port}` };
  const options = {
    host: '127.0.0.1',
    port: rig.port,
    servername: 'live.example',
    ca: rig.caPem,
    headers,
    agent: false,
  };
  return new Promise((resolve, reject) => {
    httpsRequest({ ...options, path: '/events' }, resolve)
      .on('error', reject)
      .end();
  });
}

function nextEvent(stream: IncomingMessage): Promise<string> {
  return new Promise((resolve) => stream.once('data', (bytes: Buffer) => resolve(String(bytes))));
}

function openSocket(): Promise<WebSocket> {
  const headers = { host: `live.example:${rig.port}` };
  // `servername` is for the TLS socket beneath; the types of ws do not know it.
  const options = { servername: 'live.example', ca: rig.caPem, headers };
  const socket = new WebSocket(`wss://127.0.0.1:${rig.port}/socket`, options);
  return new Promise((resolve, reject) => socket.on('open', () => resolve(socket)).on('error', reject));
}

function echo(socket: WebSocket, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once('message', (bytes: Buffer) => resolve(String(bytes)));
    socket.send(text);
  });
}

function isAllowed(generation: number): boolean {
  return generation % 2 === 1;
}

function generationOf(number: number): EgressGeneration {
  const rules = rulesOf(isAllowed(number))(rig.port);
  const { bindings, routes } = rig.config;
  return { generation: number, policy: { mode: 'filtered', rules }, bindings, secretValues: {}, routes };
}

test('rules change two hundred times under load, and nothing is dropped, mixed up or believed unconfirmed', async () => {
  const stream = await openStream();
  expect(await nextEvent(stream)).toBe('data: begin\n\n');
  const socket = await openSocket();
  const generations = { applied: 1, sent: 1 };
  const load = startLoad(generations);
  for (let number = 2; number <= CHANGES + 1; number++) {
    const generation = generationOf(number);
    generations.sent = number;
    const answer = await sendControl(path, { op: 'apply', generation });
    expect(answer).toMatchObject({ ok: true, generation: number, hash: generationHash(generation) });
    generations.applied = number;
    if (number % 20 === 0) await refuseBadGenerations(number, answer);
    const before = load.answers.length;
    while (load.answers.length < before + CLIENTS / 2 && load.failures.length === 0) {
      await new Promise((wake) => setImmediate(wake));
    }
  }
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(load.connections).toBe(CLIENTS);
  const wrong = load.answers.filter(({ from, to, status }) => {
    const inForce: number[] = Array.from({ length: to - from + 1 }, (_, index) =>
      isAllowed(from + index) ? 200 : 403,
    );
    return !inForce.includes(status);
  });
  expect(wrong).toEqual([]);
  for (const status of [200, 403]) {
    expect(load.answers.filter((answer) => answer.status === status).length).toBeGreaterThan(CHANGES);
  }
  // The last generation but one forbids them; what had begun before it keeps the rules it began with.
  await sendControl(path, { op: 'apply', generation: generationOf(CHANGES + 2) });
  expect(isAllowed(CHANGES + 2)).toBe(false);
  const event = nextEvent(stream);
  sendEvent?.('still here');
  expect(await event).toBe('data: still here\n\n');
  expect(await echo(socket, 'still here')).toBe('still here');
  await expect(openSocket()).rejects.toThrow('403');
  socket.terminate();
  stream.destroy();
}, 240_000);

/** A generation that is not newer, and one that cannot be read, while requests are under way. */
async function refuseBadGenerations(number: number, inForce: ControlAnswer): Promise<void> {
  const stale = await sendControl(path, { op: 'apply', generation: generationOf(number) });
  expect(stale).toMatchObject({ ok: false, generation: number, hash: inForce.hash });
  const next = generationOf(number + 1);
  const [rule] = next.policy.rules;
  if (rule === undefined) throw new Error('the generation has no rule');
  const unknown = { ...next, policy: { ...next.policy, rules: [{ ...rule, colour: 'red' }] } };
  const broken = await sendControl(path, { op: 'apply', generation: unknown });
  expect(broken).toMatchObject({ ok: false, generation: number, hash: inForce.hash });
  expect(broken.ok ? '' : broken.message).toContain('colour');
}
