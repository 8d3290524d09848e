// The way through a gate into the network of a cage: a unix socket of its own, and the port inside ahead of the bytes.
import type { Socket } from 'node:net';

/** Where a forwarder finds the sockets of the gate. */
export const GATE_INSIDE = '/forwarder/gate';
export const GATE_ENTRANCE = 'in';

const READ_MS = 5_000;

export function gatePort(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(port);
  return bytes;
}

/** Undefined for one that does not say in time. */
export function readGatePort(socket: Socket): Promise<number | undefined> {
  return new Promise((resolve) => {
    const settle = (port: number | undefined): void => {
      clearTimeout(timer);
      socket.off('readable', look);
      socket.off('close', gone);
      resolve(port);
    };
    const gone = (): void => settle(undefined);
    const timer = setTimeout(gone, READ_MS);
    const look = (): void => {
      const bytes: unknown = socket.read(2);
      if (Buffer.isBuffer(bytes)) settle(bytes.length === 2 ? bytes.readUInt16BE() : undefined);
    };
    socket.once('close', gone);
    socket.on('readable', look);
    look();
  });
}
