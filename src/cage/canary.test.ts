import dgram, { createSocket, type Socket, type SocketOptions, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCanary, type Canary } from './canary.ts';
import { openContext } from './context.ts';
import { cagePaths, writeCageState } from './store.ts';
import { verifyCage } from './verify.ts';

let canary: Canary;
beforeEach(async () => {
  canary = await openCanary();
});
afterEach(() => canary.close());

/** Runs `work` while every socket for datagrams goes through `look` as it is made. */
async function lookingAtSockets(look: (socket: Socket) => void, work: () => Promise<void>): Promise<void> {
  const original = dgram.createSocket;
  dgram.createSocket = (options: SocketType | SocketOptions) => {
    const socket = typeof options === 'string' ? original(options) : original(options);
    look(socket);
    return socket;
  };
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    dgram.createSocket = original;
    syncBuiltinESMExports();
  }
}

function refuse(socket: Socket): void {
  socket.close();
  throw new Error('no more sockets');
}

/** How many servers are open; one is that of every test here. */
const listeners = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;

test('visits of the host itself reach every address and are not held against anybody', async () => {
  expect(canary.addresses).toContain('127.0.0.1');
  expect(await canary.visit()).toEqual([]);
  expect(canary.seen()).toEqual([]);
});

test('a stranger who says nothing is seen', async () => {
  const socket = connect(canary.port, '127.0.0.1');
  await once(socket, 'connect');
  expect(await canary.visit()).toEqual([]);
  expect(canary.seen()).toEqual([expect.stringContaining('a connection from ')]);
  socket.destroy();
});

test('a stranger who says what a cage has been told is seen', async () => {
  const socket = connect(canary.port, '127.0.0.1', () => socket.write(canary.token));
  await once(socket, 'connect');
  expect(await canary.visit()).toEqual([]);
  expect(canary.seen()).toHaveLength(1);
  socket.destroy();
});

test('a datagram is seen', async () => {
  const socket = createSocket('udp4');
  await new Promise((sent) => socket.send('x', canary.port, '127.0.0.1', sent));
  await expect.poll(() => canary.seen()).toEqual([expect.stringContaining('a datagram from ')]);
  socket.close();
});

test('a canary that nobody reaches says so of every address', async () => {
  const deaf = await openCanary();
  deaf.close();
  expect(await deaf.visit()).toEqual(deaf.addresses);
});

test('errors of a canary, however many, are no silence', async () => {
  const made: Socket[] = [];
  await lookingAtSockets(
    (socket) => made.push(socket),
    async () => {
      const broken = await openCanary();
      for (const socket of made) for (const word of ['one', 'two']) socket.emit('error', new Error(word));
      expect(broken.seen().slice(0, 2)).toEqual(['an error of its own: one', 'an error of its own: two']);
      broken.close();
    },
  );
  expect(made.length).toBeGreaterThan(0);
});

test('a canary that cannot be opened whole leaves nothing open, and a cage that was to be verified untouched', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ironcage-canary-'));
  const context = openContext({ home, environment: {} });
  const paths = cagePaths(context, 'demo');
  mkdirSync(paths.root, { recursive: true });
  writeCageState(context, 'demo', { phase: 'stopped' });
  await lookingAtSockets(refuse, async () => {
    await expect(openCanary()).rejects.toThrow('no more sockets');
    await expect(verifyCage(context, 'demo', { attack: false })).rejects.toThrow('no more sockets');
  });
  await expect.poll(listeners).toBe(1);
  expect(readdirSync(paths.root)).toEqual(['state.json']);
  rmSync(home, { recursive: true, force: true });
});

test('a verification of a cage that is not there leaves no canary behind', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ironcage-canary-'));
  const context = openContext({ home, environment: {} });
  await expect(verifyCage(context, 'none', { attack: false })).rejects.toMatchObject({ code: 'E_NO_CAGE' });
  await expect.poll(listeners).toBe(1);
  rmSync(home, { recursive: true, force: true });
});
