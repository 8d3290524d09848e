import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocketFault } from './websocket-fault.ts';
import { MessageInflater } from './websocket-inflate.ts';

const LIMITS = { inflatedBytes: 100_000, inflateRatio: 50 };

async function inflate(inflater: MessageInflater, pieces: readonly Buffer[]): Promise<Buffer> {
  const plain: Buffer[] = [];
  for (const [index, piece] of pieces.entries()) {
    for await (const bytes of inflater.inflate(piece, index === pieces.length - 1)) plain.push(bytes);
  }
  return Buffer.concat(plain);
}

function deflate(bytes: Buffer): Buffer {
  return deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** Messages as one sender compresses them, each with the window of those before. */
async function deflateAll(messages: readonly Buffer[]): Promise<Buffer[]> {
  const zlib = createDeflateRaw();
  const results: Buffer[] = [];
  let pieces: Buffer[] = [];
  zlib.on('data', (bytes: Buffer) => pieces.push(bytes));
  for (const message of messages) {
    zlib.write(message);
    await new Promise<void>((resolve) => zlib.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    results.push(Buffer.concat(pieces).subarray(0, -4));
    pieces = [];
  }
  zlib.destroy();
  return results;
}

test('messages that share a window come out as they were, wherever they are cut', async () => {
  const message = fc.string({ maxLength: 60 }).map((text) => Buffer.from(`a beginning that they share ${text}`));
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 4 }), fc.nat(), async (messages, place) => {
      const inflater = new MessageInflater(false, LIMITS);
      const compressed = await deflateAll(messages);
      for (const [index, bytes] of compressed.entries()) {
        const at = place % (bytes.length + 1);
        const plain = await inflate(inflater, [bytes.subarray(0, at), bytes.subarray(at)]);
        expect(plain.equals(messages[index] ?? Buffer.alloc(0))).toBe(true);
      }
      inflater.close();
    }),
    { numRuns: 500 },
  );
});

test('random bytes give bytes or a fault', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
      const inflater = new MessageInflater(true, LIMITS);
      try {
        await inflate(inflater, [Buffer.from(bytes)]);
      } catch (error) {
        expect(error).toBeInstanceOf(WebSocketFault);
      }
      inflater.close();
    }),
    { numRuns: 10_000 },
  );
});

test('where every message stands for itself, none sees the window of another', async () => {
  const [first, second] = await deflateAll([Buffer.from('the same words'), Buffer.from('the same words')]);
  const shared = new MessageInflater(false, LIMITS);
  const fresh = new MessageInflater(true, LIMITS);
  for (const inflater of [shared, fresh]) {
    expect(String(await inflate(inflater, [first ?? Buffer.alloc(0)]))).toBe('the same words');
  }
  expect(String(await inflate(shared, [second ?? Buffer.alloc(0)]))).toBe('the same words');
  await expect(inflate(fresh, [second ?? Buffer.alloc(0)])).rejects.toThrow('broken');
});

test('a message may always grow to its allowance, and beyond it only by the ratio', async () => {
  const inflater = new MessageInflater(true, LIMITS);
  expect((await inflate(inflater, [deflate(Buffer.alloc(100_000))])).length).toBe(100_000);
  await expect(inflate(inflater, [deflate(Buffer.alloc(200_000))])).rejects.toMatchObject({ code: 1009 });
});

test('a last block is no end of a message, whatever stands behind it', async () => {
  for (const hex of ['f348cdc9c90700', 'f348cdc9c9070000', '0300', '03000000ffff03']) {
    const inflater = new MessageInflater(false, LIMITS);
    await expect(inflate(inflater, [Buffer.from(hex, 'hex')])).rejects.toMatchObject({ code: 1002 });
  }
});
