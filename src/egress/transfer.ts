// Bodies on their way: out of one framing, through what must see them, into another, at the receiver's speed.
import type { Writable } from 'node:stream';
import type { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import type { BodyDecoder, Framing } from './framing.ts';

/** The next pieces of a body as they arrive; undefined at its end. */
export type BodySource = () => Promise<readonly Buffer[] | undefined>;

export function readBody(reader: ByteReader, decoder: BodyDecoder): BodySource {
  return async () => {
    for (;;) {
      if (decoder.done) return undefined;
      const bytes = await reader.read();
      if (bytes === undefined) {
        decoder.end();
        return undefined;
      }
      const pieces: Buffer[] = [];
      const used = decoder.decode(bytes, pieces);
      if (used < bytes.length) reader.unread(bytes.subarray(used));
      if (pieces.length > 0) return pieces;
    }
  };
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const LINE_END = Buffer.from('\r\n');

/** Body pieces as they go over the wire in a framing. */
export function framePieces(pieces: readonly Buffer[], framing: Framing): readonly Buffer[] {
  if (framing.kind !== 'chunked') return pieces;
  const size = byteLength(pieces);
  if (size === 0) return [];
  return [Buffer.from(`${size.toString(16)}\r\n`, 'latin1'), ...pieces, LINE_END];
}

/** What ends a body in a framing. */
export function frameEnd(framing: Framing): readonly Buffer[] {
  return framing.kind === 'chunked' ? [LAST_CHUNK] : [];
}

export function byteLength(pieces: readonly Buffer[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** Writes a whole body; `head` goes out together with the first pieces. */
export async function writeBody(
  sink: Writable,
  head: Buffer,
  source: BodySource,
  framing: Framing,
  onBytes: (bytes: number) => void,
): Promise<void> {
  writeSoon(sink, head);
  for (;;) {
    const pieces = await source();
    if (pieces === undefined) break;
    onBytes(byteLength(pieces));
    await writeBytes(sink, framePieces(pieces, framing));
  }
  await writeBytes(sink, frameEnd(framing));
}

/** Sends at the end of this turn of the event loop: a body that is here already shares the packet, a later one is not waited for. */
function writeSoon(sink: Writable, head: Buffer): void {
  if (sink.destroyed || sink.writableEnded) throw new Error('the connection was closed');
  sink.cork();
  sink.write(head);
  process.nextTick(() => sink.uncork());
}
