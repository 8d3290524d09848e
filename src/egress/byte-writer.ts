// Writes to a socket and waits where the receiver is slow: the other half of backpressure.
import type { Writable } from 'node:stream';

/** Fewer bytes than these are copied together: one write of a few kilobytes costs half of what a vectored one does. */
const COPY_BELOW_BYTES = 16 * 1024;

/** Writes all pieces in one go; resolves when the socket takes more. Rejects when it is closed. */
export async function writeBytes(sink: Writable, pieces: readonly Uint8Array[]): Promise<void> {
  if (pieces.length === 0) return;
  if (writeAtOnce(sink, pieces) || !sink.writableNeedDrain) return;
  await drained(sink);
}

/** The same without waiting; gives whether the socket takes more. Throws when it is closed. */
export function writeAtOnce(sink: Writable, pieces: readonly Uint8Array[]): boolean {
  if (sink.destroyed || sink.writableEnded) throw new Error('the connection was closed');
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return sink.write(first);
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  if (bytes < COPY_BELOW_BYTES) return sink.write(Buffer.concat(pieces, bytes));
  let ready = true;
  sink.cork();
  for (const piece of pieces) ready = sink.write(piece);
  sink.uncork();
  return ready;
}

function drained(sink: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (failure: Error | undefined) => {
      sink.removeListener('drain', onDrain);
      sink.removeListener('close', onClose);
      if (failure === undefined) resolve();
      else reject(failure);
    };
    const onDrain = () => settle(undefined);
    const onClose = () => settle(new Error('the connection was closed'));
    sink.on('drain', onDrain);
    sink.on('close', onClose);
  });
}
