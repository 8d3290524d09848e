// A program in the network of a cage that is handed one listening socket of the host's: each connection that comes there is
// joined with one that it makes to a port inside. A socket keeps the network it was made in, so that it hears the host and
// can dial nothing but the cage. It passes bytes on and looks at none; who cannot be served is cut off at once.
import { connect, Server, type Socket } from 'node:net';
import type { ForwardRequest } from './port-forwarder.ts';

/** Longer than any start may take; then nobody is left who would let go of it. */
const DEADLINE_MS = 60_000;
/** Connections at a time: each costs two descriptors, and the bytes that wait in either direction. */
const MOST_CONNECTIONS = 512;
const DIAL_MS = 10_000;
/** A peer that vanished without a word is found out. */
const KEEP_ALIVE_MS = 60_000;

/** What programs inside call this machine. */
const INSIDE = ['127.0.0.1', '::1'] as const;

async function forward(client: Socket, port: number): Promise<void> {
  // Each side may end its half while the other still speaks.
  client.allowHalfOpen = true;
  client.setNoDelay(true);
  client.setKeepAlive(true, KEEP_ALIVE_MS);
  let inner: Socket | undefined;
  client.on('error', () => inner?.resetAndDestroy());
  for (const host of INSIDE) {
    inner = await dial(host, port);
    if (inner !== undefined) break;
  }
  if (inner === undefined || client.destroyed) {
    inner?.resetAndDestroy();
    client.resetAndDestroy();
    return;
  }
  inner.on('error', () => client.resetAndDestroy());
  client.pipe(inner);
  inner.pipe(client);
}

/** Undefined when nobody answers there. */
function dial(host: string, port: number): Promise<Socket | undefined> {
  return new Promise((settle) => {
    const options = { host, port, allowHalfOpen: true, noDelay: true };
    const socket = connect({ ...options, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    const timer = setTimeout(fail, DIAL_MS);
    function fail(): void {
      clearTimeout(timer);
      socket.destroy();
      settle(undefined);
    }
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      settle(socket);
    });
  });
}

const deadline = setTimeout(() => process.exit(1), DEADLINE_MS);
const onParentGone = (): void => process.exit(1);
process.once('disconnect', onParentGone);
process.on('message', (message: ForwardRequest, handle: unknown) => {
  if (message.type === 'go') {
    clearTimeout(deadline);
    process.off('disconnect', onParentGone);
    process.disconnect();
    return;
  }
  if (!(handle instanceof Server)) process.exit(1);
  handle.maxConnections = MOST_CONNECTIONS;
  handle.on('connection', (client: Socket) => void forward(client, message.cagePort));
  process.send?.({ type: 'forwarding' });
});
