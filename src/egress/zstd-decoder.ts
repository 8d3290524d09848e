// Zstandard as a stream, since the oldest Node that we run on has none. One block is decoded at a time, and a body that grows
// beyond every measure ends in an error: what is decoded waits in memory until it is read.
import { Transform } from 'node:stream';
import { Decompress } from 'fzstd';
import { createFrameWalker, type FramePart } from './zstd-frames.ts';

/** Beyond these many bytes the ratio counts. */
const RATIO_FROM_BYTES = 10 * 1024 * 1024;
const MAX_RATIO = 1000;

export function createZstdDecoder(): Transform {
  const walker = createFrameWalker();
  let frame: Decompress | undefined;
  let bytesIn = 0;
  let bytesOut = 0;

  function decode(part: FramePart, onBytes: (bytes: Buffer) => void): void {
    switch (part.kind) {
      case 'skip':
      case 'end':
        return;
      case 'header':
        frame = new Decompress((data) => {
          bytesOut += data.length;
          if (bytesOut > RATIO_FROM_BYTES && bytesOut > bytesIn * MAX_RATIO) throw new Error('a body grows too much');
          // A copy: the decoder may write over what it gave.
          if (data.length > 0) onBytes(Buffer.from(data));
        });
        // The decoder wants to see a checksum wherever one is announced; it does not compare it.
        frame.push(withoutChecksum(part.bytes));
        return;
      case 'block':
      case 'last-block':
        if (frame === undefined) throw new Error('a block comes without its frame');
        frame.push(part.bytes, part.kind === 'last-block');
        return;
      default:
        part.kind satisfies never;
        throw new Error('a frame has an unknown part');
    }
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytesIn += chunk.length;
      try {
        for (const part of walker.push(chunk)) decode(part, (bytes) => void this.push(bytes));
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error('a body cannot be decoded'));
      }
    },
    flush(done) {
      try {
        walker.finish();
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error('a body cannot be decoded'));
      }
    },
  });
}

function withoutChecksum(header: Buffer): Buffer {
  const copy = Buffer.from(header);
  copy[4] = (copy[4] ?? 0) & ~0x04;
  return copy;
}
