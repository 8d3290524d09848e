// One connection of a cage once it speaks HTTP, and the ways in which it ends.
import type { Socket } from 'node:net';
import { ByteReader } from './byte-reader.ts';
import type { Origin } from './judge.ts';

export interface ClientConnection {
  readonly socket: Socket;
  readonly reader: ByteReader;
  readonly origin: Origin;
}

/** Time for a client to take the last answer before its connection is cut. */
const LINGER_MS = 2000;

/**
 * Ends a connection so that the last answer arrives: closing with unread bytes would make the kernel take it back.
 * `isReading` says that somebody reads (and drops) what still comes.
 */
export function closeGently({ socket, reader }: ClientConnection, isReading: boolean): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end();
  if (!isReading) void drain(reader, socket);
}

async function drain(reader: ByteReader, socket: Socket): Promise<void> {
  try {
    for (;;) if ((await reader.read()) === undefined) break;
  } catch {
    // Broken is as good as closed here.
  }
  // A client that has closed its side gets what was written, then the rest of the close.
  if (socket.writableFinished) socket.destroy();
  else socket.once('finish', () => socket.destroy());
}
