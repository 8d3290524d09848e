// A program in the network of a cage that is handed one listening socket of the host's: each connection that comes there is
// joined with one that it makes to a port inside. A socket keeps the network it was made in, so that it hears the host and
// can dial nothing but the cage. It passes bytes on and looks at none; who cannot be served is cut off at once.
import { Server, type Socket } from 'node:net';
import { dialThroughGate } from './gate-entrance.ts';
import { dialInside, joinSockets } from './join-sockets.ts';
import type { ForwardRequest } from './port-forwarder.ts';

/** Longer than any start may take; then nobody is left who would let go of it. */
const DEADLINE_MS = 60_000;
/** Connections at a time: each costs two descriptors, and the bytes that wait in either direction. */
const MOST_CONNECTIONS = 512;

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
  const { cagePort, isGated } = message;
  const reach = isGated ? () => dialThroughGate(cagePort) : () => dialInside(cagePort);
  handle.on('connection', (client: Socket) => void joinSockets(client, reach));
  process.send?.({ type: 'forwarding' });
});
