import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCanary, type Canary } from './canary.ts';

let canary: Canary;
beforeEach(async () => {
  canary = await openCanary();
});
afterEach(() => canary.close());

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
