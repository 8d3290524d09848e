// Bytes of a stream, asked for in exact numbers. Holds one piece of it at a time, and knows how many have gone by.
import { refused } from './refusal.ts';

export interface ByteSource {
  /** Exactly so many; throws where the stream ends before. */
  exactly(bytes: number): Promise<Buffer>;
  /** The next so many, as they come. */
  pieces(bytes: number): AsyncGenerator<Buffer>;
  /** Whether nothing is left. */
  hasEnded(): Promise<boolean>;
}

/** `maxBytes`: what must not be passed by all that is read; answers may grow with what is learned. */
export function createByteSource(stream: AsyncIterable<Buffer>, maxBytes: () => number): ByteSource {
  const iterator = stream[Symbol.asyncIterator]();
  let piece: Buffer = Buffer.alloc(0);
  let total = 0;
  const more = async (): Promise<boolean> => {
    while (piece.length === 0) {
      const next = await iterator.next();
      if (next.done === true) return false;
      piece = next.value;
      total += piece.length;
      if (total > maxBytes()) throw refused('it unpacks to more than it says');
    }
    return true;
  };
  const take = async (bytes: number): Promise<Buffer> => {
    if (!(await more())) throw refused('it is cut off');
    const taken = piece.subarray(0, bytes);
    piece = piece.subarray(taken.length);
    return taken;
  };
  return {
    async exactly(bytes) {
      const first = await take(bytes);
      if (first.length === bytes) return first;
      const parts = [first];
      for (let missing = bytes - first.length; missing > 0;) {
        const part = await take(missing);
        parts.push(part);
        missing -= part.length;
      }
      return Buffer.concat(parts);
    },
    async *pieces(bytes) {
      for (let missing = bytes; missing > 0;) {
        const part = await take(missing);
        missing -= part.length;
        yield part;
      }
    },
    hasEnded: async () => !(await more()),
  };
}
