// Walks over Zstandard frames (RFC 8878) block by block, so that a decoder never gets more at once than one block makes, and
// never a frame that asks for a large window: a few bytes of a hostile body could otherwise claim gigabytes.

/** What RFC 8878 asks every decoder to accept; larger windows are refused. */
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;

/** Bytes that belong together: a frame's header, one block, a checksum, or part of a frame to be skipped. */
export interface FramePart {
  kind: 'header' | 'block' | 'last-block' | 'end' | 'skip';
  bytes: Buffer;
}

export interface FrameWalker {
  /** The parts that are whole now. Throws for bytes that are no Zstandard, or ask for too much. */
  push(bytes: Buffer): FramePart[];
  /** Throws where the bytes end within a frame. */
  finish(): void;
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 128 * 1024;

export function createFrameWalker(): FrameWalker {
  let held: Buffer = Buffer.alloc(0);
  let state: 'start' | 'block' | 'checksum' | 'skip' = 'start';
  let hasChecksum = false;
  let toSkip = 0;

  /** Undefined: more bytes are needed. */
  function take(bytes: Buffer): FramePart | undefined {
    switch (state) {
      case 'start':
        return takeHeader(bytes);
      case 'block':
        return takeBlock(bytes);
      case 'checksum':
        if (bytes.length < 4) return undefined;
        state = 'start';
        return { kind: 'end', bytes: bytes.subarray(0, 4) };
      case 'skip': {
        if (bytes.length === 0) return undefined;
        const skipped = bytes.subarray(0, toSkip);
        toSkip -= skipped.length;
        if (toSkip === 0) state = 'start';
        return { kind: 'skip', bytes: skipped };
      }
      default:
        state satisfies never;
        throw new Error('a frame is in an unknown state');
    }
  }

  function takeHeader(bytes: Buffer): FramePart | undefined {
    if (bytes.length < 5) return undefined;
    const magic = bytes.readUInt32LE(0);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      if (bytes.length < 8) return undefined;
      toSkip = bytes.readUInt32LE(4);
      state = toSkip === 0 ? 'start' : 'skip';
      return { kind: 'skip', bytes: bytes.subarray(0, 8) };
    }
    if (magic !== MAGIC) throw new Error('the body is no Zstandard');
    const flags = bytes[4] ?? 0;
    const isSingleSegment = (flags & 0x20) !== 0;
    if ((flags & 0x08) !== 0) throw new Error('a frame has a reserved bit set');
    if ((flags & 0x03) !== 0) throw new Error('a frame needs a dictionary');
    const sizeBytes = flags >> 6 === 0 ? (isSingleSegment ? 1 : 0) : 1 << (flags >> 6);
    const length = 5 + (isSingleSegment ? 0 : 1) + sizeBytes;
    if (bytes.length < length) return undefined;
    const window = isSingleSegment ? contentSize(bytes, 5, sizeBytes) : windowSize(bytes[5] ?? 0);
    if (window > MAX_WINDOW_BYTES) throw new Error('a frame asks for a window that is too large');
    hasChecksum = (flags & 0x04) !== 0;
    state = 'block';
    return { kind: 'header', bytes: bytes.subarray(0, length) };
  }

  function takeBlock(bytes: Buffer): FramePart | undefined {
    if (bytes.length < 3) return undefined;
    const header = bytes.readUIntLE(0, 3);
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > MAX_BLOCK_BYTES) throw new Error('a block is of a kind or size that is not allowed');
    const length = 3 + (type === 1 ? 1 : size);
    if (bytes.length < length) return undefined;
    if (isLast) state = hasChecksum ? 'checksum' : 'start';
    return { kind: isLast ? 'last-block' : 'block', bytes: bytes.subarray(0, length) };
  }

  return {
    push(added) {
      let bytes = held.length === 0 ? added : Buffer.concat([held, added]);
      const parts: FramePart[] = [];
      for (let part = take(bytes); part !== undefined; part = take(bytes)) {
        parts.push(part);
        bytes = bytes.subarray(part.bytes.length);
      }
      held = Buffer.from(bytes);
      return parts;
    },
    finish() {
      if (held.length > 0 || state !== 'start') throw new Error('the body ends within a frame');
    },
  };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Of a frame in one segment, whose window is its content. */
function contentSize(bytes: Buffer, at: number, sizeBytes: number): number {
  switch (sizeBytes) {
    case 1:
      return bytes.readUInt8(at);
    case 2:
      return bytes.readUInt16LE(at) + 256;
    case 4:
      return bytes.readUInt32LE(at);
    case 8:
      return Number(bytes.readBigUInt64LE(at));
    default:
      throw new Error('a frame states its size in an unknown way');
  }
}
