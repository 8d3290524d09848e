// Bodies on their way: out of one framing, through what must see them, into another, at the receiver's speed.
import type { ByteReader } from './byte-reader.ts';
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
