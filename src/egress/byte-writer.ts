// Writes to a socket and waits where the receiver is slow: the other half of backpressure.
import type { Writable } from 'node:stream';

/** Writes all pieces in one go; resolves when the socket takes more. Rejects when it is closed. */
export async function writeBytes(sink: Writable, pieces: readonly Uint8Array[]): Promise<void> {
  if (pieces.length === 0) return;
  if (sink.destroyed || sink.writableEnded) throw new Error('the connection was closed');
  let ready = true;
  if (pieces.length > 1) sink.cork();
  for (const piece of pieces) ready = sink.write(piece);
  if (pieces.length > 1) sink.uncork();
  if (ready || !sink.writableNeedDrain) return;
  await drained(sink);
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
