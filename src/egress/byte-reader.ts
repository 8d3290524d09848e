// Pulls bytes out of a stream one piece at a time, so that whoever reads slowly slows the sender down (backpressure), and
// so that bytes behind one message stay here until somebody asks for the next. Looks ahead by one piece at most, which
// is how the end of an idle connection is noticed.
import type { Readable } from 'node:stream';

export class ByteReader {
  readonly #stream: Readable;
  #ahead: Buffer | undefined;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  /** Called once when the sender has closed, cleanly or not, even while nobody reads. */
  onClosed: (() => void) | undefined;
  readonly #listeners: readonly (readonly [event: string, listener: (error?: unknown) => void])[];

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#listeners = [
      ['readable', () => this.#lookAhead()],
      ['end', () => this.#close(undefined)],
      ['error', (error) => this.#close(error instanceof Error ? error : new Error('the connection failed'))],
      ['close', () => this.#close(new Error('the connection was closed'))],
    ];
    for (const [event, listener] of this.#listeners) stream.on(event, listener);
    if (stream.destroyed) this.#failure = new Error('the connection was closed');
    else this.#lookAhead();
  }

  /** The next bytes, or undefined at the clean end. Rejects when the connection broke. One reader at a time. */
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      const bytes = this.#ahead ?? this.#pull();
      this.#ahead = undefined;
      if (bytes !== undefined) {
        this.#lookAhead();
        return bytes;
      }
      if (this.#ended) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** Puts back what was read too far. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#ahead = this.#ahead === undefined ? bytes : Buffer.concat([bytes, this.#ahead]);
  }

  /** Whether bytes lie here that nobody has asked for. */
  get hasBytes(): boolean {
    return this.#ahead !== undefined;
  }

  get isOpen(): boolean {
    return !this.#ended && this.#failure === undefined && !this.#stream.destroyed;
  }

  /** Makes the waiting read reject while the stream stays open for a last answer. */
  abandon(reason: Error): void {
    this.#close(reason);
  }

  /** Leaves the stream, with every unread byte back in it, to somebody else. */
  release(): void {
    for (const [event, listener] of this.#listeners) this.#stream.removeListener(event, listener);
    if (this.#ahead !== undefined) this.#stream.unshift(this.#ahead);
    this.#ahead = undefined;
  }

  #pull(): Buffer | undefined {
    const bytes: unknown = this.#stream.read();
    return Buffer.isBuffer(bytes) ? bytes : undefined;
  }

  #lookAhead(): void {
    this.#ahead ??= this.#pull();
    this.#signal();
  }

  #close(failure: Error | undefined): void {
    const first = !this.#ended && this.#failure === undefined;
    if (failure === undefined) this.#ended = true;
    else if (!this.#ended) this.#failure ??= failure;
    this.#signal();
    if (first) this.onClosed?.();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
