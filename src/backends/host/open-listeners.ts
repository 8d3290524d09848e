// A short-lived program in the cage's network namespace: opens the listeners there, hands them to its parent over IPC
// and ends when told that the egress serves. If the parent dies first it fails, and no cage comes to be.
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import type { ListenerRequest } from '../backend.ts';

const DEADLINE_MS = 30_000;

const send = (message: object, handle?: Server | ReturnType<typeof createSocket>): Promise<void> =>
  new Promise((sent, reject) => {
    const done = (error: Error | null): void => (error === null ? sent() : reject(error));
    // The types of @types/node leave the handle out of the three-argument form; the fourth holds the options.
    if (handle === undefined) process.send?.(message, undefined, {}, done);
    else process.send?.(message, handle, {}, done);
  });

async function openTcp(port: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((listening, reject) => {
    server.once('error', reject);
    // Both families on one socket; where the machine has no IPv6, IPv4 alone.
    server.listen({ host: '::', port, backlog: 511 }, listening);
  }).catch((error: unknown) => {
    // Any other failure, such as a port that a program of the cage holds, is not to be got around.
    if (!isWithoutIpv6(error)) throw error;
    return new Promise<void>((listening, reject) => {
      server.once('error', reject);
      server.listen({ host: '0.0.0.0', port, backlog: 511 }, listening);
    });
  });
  return server;
}

function isWithoutIpv6(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL' || code === 'EINVAL';
}

async function openUdp(port: number): Promise<ReturnType<typeof createSocket>> {
  const socket = createSocket('udp4');
  await new Promise<void>((bound, reject) => {
    socket.once('error', reject);
    socket.bind({ port, address: '0.0.0.0', exclusive: true }, bound);
  });
  return socket;
}

async function open({ purpose, port }: ListenerRequest): Promise<void> {
  const handle = purpose === 'dns-udp' ? await openUdp(port) : await openTcp(port);
  await send({ type: 'listener', purpose, port }, handle);
  // Our copy must not accept what the egress is to answer.
  handle.close();
}

// A parent that died with a handle under way is no `disconnect` for Node: the deadline is longer than any start may take.
process.once('disconnect', () => process.exit(1));
setTimeout(() => process.exit(1), DEADLINE_MS);
process.on('message', (message: { type: 'open'; listeners: readonly ListenerRequest[] } | { type: 'go' }) => {
  if (message.type === 'go') process.exit(0);
  Promise.all(message.listeners.map(open)).then(
    () => send({ type: 'opened' }),
    (error: unknown) => {
      process.stderr.write(`listeners: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
// The parent's process is our shell's keeper: what becomes the cage's monitor later.
void send({ type: 'up', holderPid: process.ppid });
