// Undoes the content coding of a response that must be looked into. Output is pulled, so that a decompression bomb fills
// no memory: it goes on only as fast as the client takes it.
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import { listMembers, type Field } from './fields.ts';
import { upstreamFailure } from './refusal.ts';
import type { BodySource } from './transfer.ts';
import { createZstdDecoder } from './zstd-decoder.ts';

/** The source in plain bytes. Throws a Refusal (502) for a coding that cannot be looked into. */
export function decodeContent(source: BodySource, fields: readonly Field[]): BodySource {
  const codings = listMembers(fields, 'content-encoding').filter((coding) => coding !== 'identity');
  const [coding] = codings;
  if (coding === undefined) return source;
  if (codings.length > 1) throw upstreamFailure('the upstream sent a body that is coded more than once');
  return pullThrough(source, createDecoder(coding));
}

function createDecoder(coding: string): Transform {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecoder();
    default:
      throw upstreamFailure('the upstream sent a body in a coding that cannot be looked into');
  }
}

function pullThrough(source: BodySource, decoder: Transform): BodySource {
  const reader = new ByteReader(decoder);
  let failure: unknown;
  async function feed(): Promise<void> {
    for (;;) {
      const pieces = await source();
      if (pieces === undefined) break;
      await writeBytes(decoder, pieces);
    }
    decoder.end();
  }
  let feeding: Promise<void> | undefined;
  return async () => {
    feeding ??= feed().catch((error: unknown) => {
      failure = error;
      decoder.destroy();
    });
    try {
      const bytes = await reader.read();
      return bytes === undefined ? undefined : [bytes];
    } catch (error) {
      throw failure ?? error;
    }
  };
}
