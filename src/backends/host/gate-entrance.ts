// The way through a gate into the network of a cage: a unix socket of its own. Ahead of the bytes goes the port inside, and back
// comes a word when somebody answers there: without it a port where nobody does would look like one that says nothing.
import type { Socket } from 'node:net';
import { dial } from './join-sockets.ts';

/** Where a forwarder finds the sockets of the gate. */
export const GATE_INSIDE = '/forwarder/gate';
export const GATE_ENTRANCE = 'in';

/** Longer than the gate dials. */
const READ_MS = 25_000;
const ANSWERED = Buffer.from([1]);

/** A port inside, from the forwarder's side; undefined when nobody answers there. */
export async function dialThroughGate(port: number): Promise<Socket | undefined> {
  const socket = await dial({ path: `${GATE_INSIDE}/${GATE_ENTRANCE}` });
  if (socket === undefined) return undefined;
  // Whoever breaks it off while it is waited for is seen by the end of it.
  socket.on('error', () => undefined);
  const wanted = Buffer.alloc(2);
  wanted.writeUInt16BE(port);
  socket.write(wanted);
  const answer = await readBytes(socket, ANSWERED.length);
  if (answer !== undefined && !socket.destroyed) return socket;
  socket.destroy();
  return undefined;
}

/** The port that a client of the gate asks for; undefined when it does not say in time. */
export async function readGatePort(client: Socket): Promise<number | undefined> {
  return (await readBytes(client, 2))?.readUInt16BE();
}

export function tellAnswered(client: Socket): void {
  client.write(ANSWERED);
}

function readBytes(socket: Socket, length: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const settle = (bytes: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.off('readable', look);
      socket.off('end', gone);
      socket.off('close', gone);
      resolve(bytes);
    };
    const gone = (): void => settle(undefined);
    const timer = setTimeout(gone, READ_MS);
    const look = (): void => {
      const bytes: unknown = socket.read(length);
      if (Buffer.isBuffer(bytes)) settle(bytes.length === length ? bytes : undefined);
    };
    socket.once('end', gone);
    socket.once('close', gone);
    socket.on('readable', look);
    look();
  });
}
