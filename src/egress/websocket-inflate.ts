// What stands in messages that went through `permessage-deflate` (RFC 7692), piece by piece and at the pace of whoever looks
// at it. Bounded by how much a message may grow, so that a bomb costs neither memory nor time.
import { constants, createInflateRaw, type InflateRaw } from 'node:zlib';
import { protocolFault, WebSocketFault } from './websocket-fault.ts';

export interface InflateLimits {
  /** A message may always become this long. */
  readonly inflatedBytes: number;
  /** Beyond that, how many times longer it may be than what was sent. */
  readonly inflateRatio: number;
}

/** What a sender takes off the end of every message (RFC 7692, section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

export class MessageInflater {
  readonly #limits: InflateLimits;
  /** Whether every message begins with an empty window. */
  readonly #isFresh: boolean;
  readonly #zlib: InflateRaw;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #sent = 0;
  #inflated = 0;

  constructor(isFresh: boolean, limits: InflateLimits) {
    this.#limits = limits;
    this.#isFresh = isFresh;
    // The largest window reads what was written with any other.
    this.#zlib = createInflateRaw({ windowBits: 15, flush: constants.Z_SYNC_FLUSH, chunkSize: 64 * 1024 });
    this.#zlib.on('readable', () => this.#signal());
    this.#zlib.on('error', () => this.#fail(new WebSocketFault(1007, 'a compressed WebSocket message that is broken')));
    this.#zlib.on('close', () => this.#fail(new Error('the WebSocket was closed')));
  }

  /** Gives what stands in the next bytes of a message. Throws a WebSocketFault. One caller at a time, to its end. */
  async *inflate(payload: Buffer, isLast: boolean): AsyncGenerator<Buffer, void, undefined> {
    this.#sent += payload.length;
    yield* this.#run(isLast ? Buffer.concat([payload, TAIL]) : payload);
    if (!isLast) return;
    this.#sent = 0;
    this.#inflated = 0;
    if (this.#isFresh) this.#zlib.reset();
  }

  close(): void {
    this.#zlib.close();
  }

  async *#run(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
    if (bytes.length === 0) return;
    let isTaken = false;
    const before = this.#zlib.bytesWritten;
    this.#zlib.write(bytes, () => {
      isTaken = true;
      this.#signal();
    });
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const plain: unknown = this.#zlib.read();
      if (Buffer.isBuffer(plain)) {
        this.#count(plain.length);
        yield plain;
      } else if (isTaken) {
        // Peers differ in what comes behind a last block: nobody could say what they see.
        if (this.#zlib.bytesWritten - before !== bytes.length) {
          throw protocolFault('a compressed WebSocket message that ends before its end');
        }
        return;
      } else {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
      }
    }
  }

  #count(bytes: number): void {
    const { inflatedBytes, inflateRatio } = this.#limits;
    this.#inflated += bytes;
    if (this.#inflated <= inflatedBytes || this.#inflated <= this.#sent * inflateRatio) return;
    throw new WebSocketFault(
      1009,
      `a WebSocket message that is more than ${inflateRatio} times as long as what was sent`,
    );
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
