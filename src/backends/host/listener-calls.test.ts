import { spawn } from 'node:child_process';
import { createSocket, Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostEnvironment } from '../../platform/environment.ts';
import type { Listener, ListenerRequest } from '../backend.ts';
import { createCallProgram, END, writeCalls, type Call, type Put } from './call-list.ts';
import { PROGRAMS_DIRECTORY } from './layout.ts';
import { handOverText, listenerCalls, untilLetGo } from './listener-calls.ts';
import { openListeners } from './opened-listeners.ts';

const path = hostEnvironment()['PATH'] ?? '';
const hasProgram = createCallProgram(process.arch) !== undefined;

let directory: string;
let handles: Listener[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-listeners-'));
  handles = [];
});
afterEach(() => {
  for (const handle of handles) handle.close();
  rmSync(directory, { recursive: true });
});

/** Ports that nobody had a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0);
      await once(server, 'listening');
      return server;
    }),
  );
  return servers.map((server) => {
    const address = server.address();
    server.close();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
}

async function requests(): Promise<ListenerRequest[]> {
  const [dns = 0, web = 0, proxy = 0] = await freePorts(3);
  return [
    { purpose: 'dns-udp', port: dns },
    { purpose: 'dns-tcp', port: dns },
    { purpose: 'tcp', port: web },
    { purpose: 'proxy', port: proxy },
  ];
}

function commandFor(listeners: readonly ListenerRequest[], hasIpv6: boolean): readonly string[] {
  const calls = (put: Put): Call[] => [...listenerCalls(listeners, put, hasIpv6), untilLetGo(put), END];
  return writeCalls(directory, 'listeners', calls) ?? [];
}

function open(listeners: readonly ListenerRequest[], hasIpv6: boolean): Promise<void> {
  return openListeners(commandFor(listeners, hasIpv6), listeners, path, (_request, handle) => {
    handles.push(handle);
    return Promise.resolve();
  });
}

async function answerOf(port: number, host: string): Promise<string> {
  const socket = connect(port, host);
  const [data] = await once(socket, 'data');
  socket.destroy();
  return String(data);
}

/** What Node's own program writes to its channel. */
async function writtenByNode(listeners: readonly ListenerRequest[]): Promise<string[]> {
  const child = spawn(process.execPath, [join(PROGRAMS_DIRECTORY, 'packed/open-listeners.js')], {
    env: { NODE_CHANNEL_FD: '3', NODE_CHANNEL_SERIALIZATION_MODE: 'json' },
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const channel = child.stdio[3];
  if (channel === null || channel === undefined || !('write' in channel)) throw new Error('there is no channel');
  let text = '';
  channel.write(`${JSON.stringify({ type: 'open', listeners })}\n`);
  channel.on('data', (chunk) => {
    text += String(chunk);
    // Nothing more is sent before it.
    if (String(chunk).includes('NODE_HANDLE')) channel.write(`${JSON.stringify({ cmd: 'NODE_HANDLE_ACK' })}\n`);
    if (text.includes('opened')) channel.write(`${JSON.stringify({ type: 'go' })}\n`);
  });
  await once(child, 'close');
  return text.split('\n').filter((line) => line.includes('NODE_HANDLE'));
}

const parsed = (text: string): unknown => JSON.parse(text);

test('a listener is handed over with the words of Node’s own programs', async () => {
  const listeners = await requests();
  const own = await writtenByNode(listeners);
  // In whatever order.
  expect(new Set(listeners.map(handOverText).map(parsed))).toEqual(new Set(own.map(parsed)));
});

test.skipIf(!hasProgram).each([
  { hasIpv6: true, hosts: ['127.0.0.1', '::1'] },
  { hasIpv6: false, hosts: ['127.0.0.1'] },
])('every listener arrives and answers: with IPv6 $hasIpv6', async ({ hasIpv6, hosts }) => {
  const listeners = await requests();
  await open(listeners, hasIpv6);
  expect(handles.map((handle) => handle instanceof Server)).toEqual([false, true, true, true]);
  for (const handle of handles)
    if (handle instanceof Server)
      handle.removeAllListeners('connection').on('connection', (socket) => socket.end('here'));
  for (const host of hosts)
    for (const { purpose, port } of listeners)
      if (purpose !== 'dns-udp') expect(await answerOf(port, host)).toBe('here');
  const [names] = handles;
  if (!(names instanceof UdpSocket)) throw new Error('no socket for datagrams came');
  const asking = createSocket('udp4');
  asking.send('question', names.address().port, '127.0.0.1');
  const [question] = await once(names, 'message');
  expect(String(question)).toBe('question');
  asking.close();
});

test.skipIf(!hasProgram)('none is lost, however often', async () => {
  const listeners = await requests();
  for (let round = 0; round < 50; round += 1) {
    await open(listeners, true);
    expect(handles).toHaveLength(listeners.length);
    await Promise.all(
      handles.splice(0).map((handle) => new Promise<void>((closed) => void handle.close(() => closed()))),
    );
  }
});

test.skipIf(!hasProgram)('what opens them stays until it is let go, also when it was stopped meanwhile', async () => {
  const [program = '', ...args] = commandFor(await requests(), true);
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await new Promise<void>((opened) => {
    child.on('message', (message, handle) => {
      if (handle instanceof Server || handle instanceof UdpSocket) handles.push(handle);
      if (typeof message === 'object' && 'type' in message && message.type === 'opened') opened();
    });
  });
  for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT'] as const) {
    child.kill(signal);
    await new Promise((wake) => setTimeout(wake, 50));
  }
  expect(child.exitCode).toBeNull();
  child.disconnect();
  const [exitCode] = await once(child, 'exit');
  expect(exitCode).toBe(0);
});

test.skipIf(!hasProgram)('there may be hundreds', async () => {
  const listeners = (await freePorts(300)).map((port): ListenerRequest => ({ purpose: 'tcp', port }));
  await open(listeners, true);
  expect(handles).toHaveLength(300);
});

test.skipIf(!hasProgram)('who connects before the egress has a listener is cut off, and holds nobody up', async () => {
  const listeners = await requests();
  await open(listeners, true);
  const socket = connect(listeners[2]?.port ?? 0, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'close');
});

test.skipIf(!hasProgram)('a port that is held is named', async () => {
  const listeners = await requests();
  const [, , web] = listeners;
  const holding = createServer().listen(web?.port);
  await once(holding, 'listening');
  await expect(open(listeners, true)).rejects.toMatchObject({
    code: 'E_EGRESS',
    because: `opening port ${web?.port} (tcp) failed`,
  });
  holding.close();
});
