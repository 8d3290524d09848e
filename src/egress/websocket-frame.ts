// Frames of RFC 6455 out of a stream of bytes, strictly: one reading of every byte, or a fault. A frame comes out whole
// when it is small and in pieces when it is not, so that no length that a peer announces costs memory.
import { applyMask } from './websocket-mask.ts';
import { protocolFault } from './websocket-fault.ts';

/** RFC 6455, section 5.2. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Payload that is gathered before it is given out, unless the frame ends before; what one direction holds at most. */
export const PIECE_BYTES = 64 * 1024;
export const MAX_CONTROL_BYTES = 125;

/** A frame, or a piece of one. */
export interface FramePart {
  /** Of the frame that this belongs to. */
  readonly opcode: number;
  /** FIN: no frame follows in the same message. */
  readonly isFinal: boolean;
  /** RSV1, on the first frame of a message that went through `permessage-deflate`. */
  readonly isCompressed: boolean;
  readonly isStart: boolean;
  readonly isEnd: boolean;
  /** Without its mask. */
  readonly payload: Buffer;
}

export interface FrameRules {
  /** Whether every frame has to be masked, as a client's, or none, as a server's. */
  readonly isMasked: boolean;
  /** Whether `permessage-deflate` was agreed on. */
  readonly mayCompress: boolean;
}

export function isControl(opcode: number): boolean {
  return opcode >= OPCODE.close;
}

const NOTHING = Buffer.alloc(0);

export class FrameDecoder {
  readonly #rules: FrameRules;
  /** What was fed and not used yet. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  readonly #header = Buffer.alloc(14);
  #headerBytes = 0;
  /** Whether a header was read whose payload is not given out to its end. */
  #isInFrame = false;
  #isStart = false;
  #opcode = 0;
  #isFinal = false;
  #isCompressed = false;
  #unread = 0;
  /** Payload that came in small pieces, still masked. */
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /** Takes the bytes over: they are unmasked where they lie. Everything fed before has to be asked for first. */
  feed(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** Whether the stream may end here. */
  get isBetweenFrames(): boolean {
    return !this.#isInFrame && this.#headerBytes === 0 && this.#at === this.#bytes.length;
  }

  /** The next part; undefined when more bytes are needed. Throws a WebSocketFault, after which nothing more may be asked. */
  next(): FramePart | undefined {
    if (!this.#isInFrame && !this.#readHeader()) return undefined;
    const payload = this.#readPayload();
    if (payload === undefined) return undefined;
    const isStart = this.#isStart;
    this.#isStart = false;
    this.#unread -= payload.length;
    const isEnd = this.#unread === 0;
    this.#isInFrame = !isEnd;
    // Every piece but a frame's last has a length that the mask's four bytes divide: it always begins anew.
    if (this.#rules.isMasked) applyMask(payload, this.#header, this.#headerBytes - 4);
    if (isEnd) this.#headerBytes = 0;
    return {
      opcode: this.#opcode,
      isFinal: this.#isFinal,
      isCompressed: this.#isCompressed,
      isStart,
      isEnd,
      payload,
    };
  }

  #readPayload(): Buffer | undefined {
    const wanted = Math.min(this.#unread, PIECE_BYTES);
    const available = Math.min(wanted - this.#gatheredBytes, this.#bytes.length - this.#at);
    const from = this.#at;
    this.#at += available;
    if (available === wanted) return this.#bytes.subarray(from, this.#at);
    if (available === 0) return undefined;
    this.#gathered ??= Buffer.allocUnsafe(wanted);
    this.#bytes.copy(this.#gathered, this.#gatheredBytes, from, this.#at);
    this.#gatheredBytes += available;
    if (this.#gatheredBytes < wanted) return undefined;
    const whole = this.#gathered;
    this.#gathered = undefined;
    this.#gatheredBytes = 0;
    return whole;
  }

  #readHeader(): boolean {
    const { isMasked } = this.#rules;
    if (!this.#readHeaderBytes(2)) return false;
    const first = this.#header[0] ?? 0;
    const second = this.#header[1] ?? 0;
    const short = second & 0x7f;
    this.#checkStart(first, (second & 0x80) !== 0, short);
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (!this.#readHeaderBytes(2 + lengthBytes)) return false;
    const length = lengthBytes === 0 ? short : this.#readLongLength(lengthBytes);
    if (!this.#readHeaderBytes(2 + lengthBytes + (isMasked ? 4 : 0))) return false;
    this.#opcode = first & 0x0f;
    this.#isFinal = (first & 0x80) !== 0;
    this.#isCompressed = (first & 0x40) !== 0;
    this.#unread = length;
    this.#isInFrame = true;
    this.#isStart = true;
    return true;
  }

  #readHeaderBytes(count: number): boolean {
    while (this.#headerBytes < count) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return false;
      this.#header[this.#headerBytes] = byte;
      this.#headerBytes += 1;
      this.#at += 1;
    }
    return true;
  }

  #checkStart(first: number, isMasked: boolean, shortLength: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x30) !== 0) throw protocolFault('a WebSocket frame with reserved bits');
    if (opcode > OPCODE.pong || (opcode > OPCODE.binary && opcode < OPCODE.close)) {
      throw protocolFault('a WebSocket frame of an unknown kind');
    }
    if ((first & 0x40) !== 0 && !(this.#rules.mayCompress && (opcode === OPCODE.text || opcode === OPCODE.binary))) {
      throw protocolFault('a WebSocket frame compressed where it may not be');
    }
    if (isMasked !== this.#rules.isMasked) {
      throw protocolFault(isMasked ? 'a masked WebSocket frame from a server' : 'an unmasked WebSocket frame');
    }
    if (!isControl(opcode)) return;
    if ((first & 0x80) === 0) throw protocolFault('a WebSocket control frame in fragments');
    if (shortLength > MAX_CONTROL_BYTES) throw protocolFault('a WebSocket control frame of more than 125 bytes');
  }

  #readLongLength(lengthBytes: 2 | 8): number {
    const header = this.#header;
    if (lengthBytes === 2) {
      const length = header.readUInt16BE(2);
      if (length < 126) throw protocolFault('a WebSocket length in more bytes than it needs');
      return length;
    }
    const high = header.readUInt32BE(2);
    const length = high * 2 ** 32 + header.readUInt32BE(6);
    if (length <= 0xffff) throw protocolFault('a WebSocket length in more bytes than it needs');
    if (high >= 2 ** 21) throw protocolFault('a WebSocket length beyond every number that is exact');
    return length;
  }
}
