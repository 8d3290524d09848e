import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createZstdDecoder } from './zstd-decoder.ts';

const PLAIN = 'so many words, so many words, so few words, so many words\n';
/** PLAIN by `zstd -19`: a compressed block and a checksum. */
const COMPRESSED = Buffer.from('KLUv/QRo5QAAmHNvIG1hbnkgd29yZHMsIGZldwoCAEB9g3izDohXTW8=', 'base64');

/** A frame of raw and RLE blocks, as RFC 8878 has them. */
function frame(blocks: readonly (Buffer | { byte: number; times: number })[], window = 0x48): Buffer {
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window])];
  blocks.forEach((block, index) => {
    const isLast = index === blocks.length - 1 ? 1 : 0;
    const header = Buffer.alloc(3);
    if (Buffer.isBuffer(block)) {
      header.writeUIntLE((block.length << 3) | isLast, 0, 3);
      parts.push(header, block);
    } else {
      header.writeUIntLE(((block.times << 3) | 2 | isLast) >>> 0, 0, 3);
      parts.push(header, Buffer.from([block.byte]));
    }
  });
  return Buffer.concat(parts);
}

function decode(pieces: readonly Buffer[]): Promise<Buffer> {
  const decoder = createZstdDecoder();
  const output: Buffer[] = [];
  return new Promise((resolve, reject) => {
    decoder.on('data', (bytes: Buffer) => output.push(bytes));
    decoder.once('end', () => resolve(Buffer.concat(output)));
    decoder.once('error', reject);
    for (const piece of pieces) decoder.write(piece);
    decoder.end();
  });
}

test('a frame is decoded wherever it is cut, and so are the frames behind it', async () => {
  const body = Buffer.concat([
    frame([Buffer.from(PLAIN), { byte: 0x61, times: 10 }]),
    Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
    COMPRESSED,
    frame([Buffer.from('tail')]),
  ]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(body.length), { maxLength: 6 }), async (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), body.length];
      const pieces = places.slice(1).map((end, index) => body.subarray(places[index], end));
      expect((await decode(pieces)).toString()).toBe(`${PLAIN}${'a'.repeat(10)}${PLAIN}tail`);
    }),
    { numRuns: 500 },
  );
});

test('a window of gigabytes is refused before memory is taken for it', async () => {
  await expect(decode([frame([Buffer.from('x')], 0xa0)])).rejects.toThrow('window');
});

test('a body that ends within a frame is refused', async () => {
  await expect(decode([frame([Buffer.from('abc')]).subarray(0, 8)])).rejects.toThrow('ends within');
});

test('a few bytes that become gigabytes are refused', async () => {
  const blocks = Array.from({ length: 2000 }, () => ({ byte: 0, times: 128 * 1024 }));
  await expect(decode([frame(blocks)])).rejects.toThrow('grows too much');
});

test('whatever bytes come, they are decoded or refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (noise, isFramed) => {
      const start = isFramed ? frame([Buffer.from(PLAIN)]).subarray(0, 6) : Buffer.alloc(0);
      const result = await decode([Buffer.concat([start, noise])]).catch((error: unknown) => error);
      expect(Buffer.isBuffer(result) || result instanceof Error).toBe(true);
    }),
    { numRuns: 10_000 },
  );
});
