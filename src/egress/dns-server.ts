// DNS over the sockets of a cage: UDP packets, and TCP with its two-byte lengths.
import type { Socket as UdpSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { answerQuery, type NameSource } from './dns.ts';

/** A client that says nothing for this long is dropped. */
const TCP_IDLE_MS = 5000;

export function serveDnsUdp(socket: UdpSocket, names: NameSource): void {
  // Of one packet, not of the socket: the next one may be answered again.
  socket.on('error', () => undefined);
  socket.on('message', (packet, peer) => {
    const answer = answerQuery(packet, names);
    // Nothing can be sent to port 0, and trying to would throw.
    if (answer === undefined || peer.port === 0) return;
    // A client that is gone is its own loss; it asks again if it is not.
    socket.send(answer, peer.port, peer.address, () => undefined);
  });
}

export function serveDnsTcp(socket: Socket, names: NameSource): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (pending.length < length + 2) return;
      const answer = answerQuery(pending.subarray(2, length + 2), names);
      pending = pending.subarray(length + 2);
      // Who asks faster than it reads is cut off rather than stored.
      if (answer === undefined || socket.writableNeedDrain) {
        socket.destroy();
        return;
      }
      const frame = Buffer.alloc(2);
      frame.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([frame, answer]));
    }
  });
}
