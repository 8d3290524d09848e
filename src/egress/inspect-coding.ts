// Undoes the content coding of what a cage sends, for looking into it only: the body itself goes out as it came. Bytes may go
// on once everything that they decode to was looked at. What cannot be decoded, or grows beyond measure, is refused.
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { Refusal } from './refusal.ts';
import { createZstdDecoder } from './zstd-decoder.ts';

export interface ContentDecoding {
  /** Resolves when `onBytes` has seen all that these bytes decode to. Rejects with a Refusal. */
  push(bytes: Buffer): Promise<void>;
  finish(): Promise<void>;
}

const MAX_CODINGS = 3;
const BOMB_FROM_BYTES = 10 * 1024 * 1024;
const BOMB_RATIO = 100;

/** Names that some clients send for bytes as they are: no receiver decodes anything for them. */
const UNCHANGING: ReadonlySet<string> = new Set(['', 'identity', 'none', 'utf-8', 'utf8', 'aws-chunked', 'amz-1.0']);

/** The codings of a Content-Encoding field, outermost last, without those that change nothing. */
export function contentCodings(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.toLowerCase().split(','))
    .map((coding) => coding.trim())
    .filter((coding) => !UNCHANGING.has(coding));
}

/** Throws a Refusal for a coding that is not known. What `onBytes` throws ends the decoding. */
export function decodeForInspection(codings: readonly string[], onBytes: (bytes: Buffer) => void): ContentDecoding {
  if (codings.length > MAX_CODINGS) throw undecodable('the body is coded more often than is looked through');
  let bytesIn = 0;
  let bytesOut = 0;
  const stages = codings.toReversed().map(checkedCoding);
  const last = stages.reduceRight<Stage>((next, coding) => createStage(coding, next, guard), {
    push(bytes) {
      onBytes(bytes);
      return Promise.resolve();
    },
    finish: () => Promise.resolve(),
  });

  function guard(bytes: number): void {
    bytesOut += bytes;
    if (bytesOut > BOMB_FROM_BYTES && bytesOut > bytesIn * BOMB_RATIO) {
      const reason = `the body grows to more than ${BOMB_RATIO} times its size when it is decoded`;
      throw new Refusal({ status: 403, rule: '<bomb>', reason });
    }
  }

  return {
    push(bytes) {
      bytesIn += bytes.length;
      return last.push(bytes);
    },
    finish: () => last.finish(),
  };
}

interface Stage {
  push(bytes: Buffer): Promise<void>;
  finish(): Promise<void>;
}

/** One decoder whose output goes to the next stage before more goes into it. */
function createStage(coding: string, next: Stage, guard: (bytes: number) => void): Stage {
  let decoder: Transform | undefined;
  let failure: Refusal | undefined;
  let isEnded = false;
  /** The output on its way through the next stage, one after the other. */
  let passing = Promise.resolve();
  let wake: (() => void) | undefined;

  function fail(error: unknown): void {
    failure ??= error instanceof Refusal ? error : undecodable('the body is not coded as it says');
    decoder?.destroy();
    wake?.();
  }

  function drain(from: Transform): void {
    try {
      for (;;) {
        const bytes: unknown = from.read();
        if (!Buffer.isBuffer(bytes)) return;
        guard(bytes.length);
        passing = passing.then(() => (failure === undefined ? next.push(bytes) : undefined)).catch(fail);
      }
    } catch (error) {
      fail(error);
    }
  }

  function open(first: Buffer): Transform {
    const opened = createDecoder(coding, first);
    opened.on('readable', () => drain(opened));
    opened.on('error', fail);
    opened.on('end', () => {
      isEnded = true;
      wake?.();
    });
    return opened;
  }

  async function settled(): Promise<void> {
    if (decoder !== undefined && failure === undefined) drain(decoder);
    await passing;
    if (failure !== undefined) throw failure;
  }

  return {
    async push(bytes) {
      if (failure !== undefined) throw failure;
      if (bytes.length === 0) return;
      const into = (decoder ??= open(bytes));
      await new Promise<void>((resolve) => {
        wake = resolve;
        into.write(bytes, () => resolve());
      });
      await settled();
    },
    async finish() {
      if (failure !== undefined) throw failure;
      // Nothing came: some clients name a coding without a body.
      if (decoder === undefined) return;
      const ending = decoder;
      await new Promise<void>((resolve) => {
        wake = resolve;
        ending.end();
        drain(ending);
        if (isEnded || failure !== undefined) resolve();
      });
      await settled();
      await next.finish();
    },
  };
}

type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

function checkedCoding(coding: string): Coding {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
    case 'br':
    case 'zstd':
      return coding;
    default:
      throw undecodable('the body is in a coding that cannot be looked into');
  }
}

function createDecoder(coding: string, first: Buffer): Transform {
  switch (checkedCoding(coding)) {
    case 'gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecoder();
    case 'deflate':
      // The standard means zlib's form; some clients send the bare one.
      return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
    default:
      throw undecodable('the body is in a coding that cannot be looked into');
  }
}

function undecodable(reason: string): Refusal {
  return new Refusal({ status: 403, rule: '<encoding>', reason });
}
