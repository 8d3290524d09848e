// Frames of RFC 6455 as we send them: anew, and towards a server with masks of our own, so that no client chooses the bytes
// that the network sees (RFC 6455, section 10.3). What comes together goes out as one piece.
import { randomFillSync } from 'node:crypto';
import { applyMask } from './websocket-mask.ts';
import { MAX_CONTROL_BYTES, OPCODE } from './websocket-frame.ts';

export interface OutgoingFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  /** Not changed, and not looked at any more once the bytes were taken. */
  readonly payload: Buffer;
}

/** What may wait in a writer while more is taken apart. */
export const UNSENT_BYTES = 64 * 1024;
/** Mask keys are drawn many at a time. */
const KEY_POOL_BYTES = 4096;
/** From here on an unmasked payload goes out as it lies instead of being copied. */
const UNCOPIED_BYTES = 16 * 1024;

export class FrameWriter {
  readonly #isMasked: boolean;
  #frames: OutgoingFrame[] = [];
  #bytes = 0;
  readonly #keys: Buffer;
  #keyAt = KEY_POOL_BYTES;

  constructor(isMasked: boolean) {
    this.#isMasked = isMasked;
    this.#keys = Buffer.alloc(isMasked ? KEY_POOL_BYTES : 0);
  }

  add(frame: OutgoingFrame): void {
    this.#frames.push(frame);
    this.#bytes += headerBytes(frame.payload.length, this.#isMasked) + frame.payload.length;
  }

  /** What waits to be taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Everything added so far, as bytes. */
  take(): readonly Buffer[] {
    const frames = this.#frames;
    const bytes = this.#bytes;
    if (bytes === 0) return [];
    this.#frames = [];
    this.#bytes = 0;
    const [only] = frames;
    if (!this.#isMasked && frames.length === 1 && only !== undefined && only.payload.length >= UNCOPIED_BYTES) {
      const header = Buffer.allocUnsafe(bytes - only.payload.length);
      writeHeader(header, 0, only, false);
      return [header, only.payload];
    }
    const target = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const frame of frames) at = this.#write(target, at, frame);
    return [target];
  }

  #write(target: Buffer, start: number, frame: OutgoingFrame): number {
    const { payload } = frame;
    let at = writeHeader(target, start, frame, this.#isMasked);
    if (!this.#isMasked) {
      target.set(payload, at);
      return at + payload.length;
    }
    const keyAt = this.#nextKey();
    for (let index = 0; index < 4; index += 1) target[at + index] = this.#keys[keyAt + index] ?? 0;
    at += 4;
    target.set(payload, at);
    const end = at + payload.length;
    applyMask(target.subarray(at, end), this.#keys, keyAt);
    return end;
  }

  #nextKey(): number {
    if (this.#keyAt === KEY_POOL_BYTES) {
      randomFillSync(this.#keys);
      this.#keyAt = 0;
    }
    const keyAt = this.#keyAt;
    this.#keyAt += 4;
    return keyAt;
  }
}

/** The payload of a close frame. The reason is cut to what has room, and to characters of one byte. */
export function closePayload(code: number, reason: string): Buffer {
  const text = reason.slice(0, MAX_CONTROL_BYTES - 2).replace(/[^\x20-\x7e]/g, '?');
  const payload = Buffer.alloc(2 + text.length);
  payload.writeUInt16BE(code);
  payload.write(text, 2, 'latin1');
  return payload;
}

export function closeFrame(payload: Buffer): OutgoingFrame {
  return { opcode: OPCODE.close, isFinal: true, isCompressed: false, payload };
}

function headerBytes(length: number, isMasked: boolean): number {
  return 2 + (length < 126 ? 0 : length <= 0xffff ? 2 : 8) + (isMasked ? 4 : 0);
}

/** Returns where the mask or the payload begins. */
function writeHeader(target: Buffer, at: number, frame: OutgoingFrame, isMasked: boolean): number {
  const { length } = frame.payload;
  const mask = isMasked ? 0x80 : 0;
  target[at] = (frame.isFinal ? 0x80 : 0) | (frame.isCompressed ? 0x40 : 0) | frame.opcode;
  if (length < 126) {
    target[at + 1] = mask | length;
    return at + 2;
  }
  if (length <= 0xffff) {
    target[at + 1] = mask | 126;
    target.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  target[at + 1] = mask | 127;
  target.writeUInt32BE(Math.floor(length / 2 ** 32), at + 2);
  target.writeUInt32BE(length >>> 0, at + 6);
  return at + 10;
}
