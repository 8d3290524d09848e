// The messages of one direction of a WebSocket on their way: checked, looked into in plain form, then written as frames of
// our own. The last bytes of a message are written only once all of it was found good, so that nobody gets a whole message
// of a refused one. Never holds more than a piece, whatever a message's length.
import type { InspectorNote } from '../policy/types.ts';
import type { CapturedExchange } from './capture.ts';
import type { BodyInspection } from './inspection.ts';
import type { RedactionStream, Redactor } from './redact.ts';
import { tooLong } from './too-long.ts';
import { WebSocketFault } from './websocket-fault.ts';
import { isControl, OPCODE, type FramePart } from './websocket-frame.ts';
import { UNSENT_BYTES, type FrameWriter } from './websocket-frame-writer.ts';
import { MessageInflater, type InflateLimits } from './websocket-inflate.ts';
import { FrameSequence, type FrameBounds } from './websocket-rules.ts';
import { Utf8Check } from './websocket-text.ts';

export type MessageKind = 'text' | 'binary';

export interface MessageLimits extends FrameBounds, InflateLimits {
  /** Of one message that is kept for people to look at. */
  readonly capturedBytes: number;
}

export interface MessageOptions {
  readonly direction: 'out' | 'in';
  readonly writer: FrameWriter;
  /** Sends what the writer has; resolves when there is room for more. */
  readonly flush: () => Promise<void>;
  /** Whether every compressed message stands for itself. */
  readonly isFresh: boolean;
  /** A new one for each message; undefined where there is nothing to look for. */
  readonly inspect: ((kind: MessageKind) => BodyInspection | undefined) | undefined;
  readonly redactor: Redactor | undefined;
  /** What the rule lets pass of one message, in plain form. */
  readonly maxBytes: number | undefined;
  readonly captured: CapturedExchange | undefined;
  readonly onNotes: (notes: readonly InspectorNote[]) => void;
  readonly limits: MessageLimits;
  readonly now: () => number;
}

/** A message that is under way. */
interface Message {
  readonly kind: MessageKind;
  readonly isCompressed: boolean;
  readonly utf8: Utf8Check | undefined;
  readonly inspection: BodyInspection | undefined;
  readonly redaction: RedactionStream | undefined;
  /** In plain form. */
  bytes: number;
  isBegun: boolean;
  kept: Buffer[];
  keptBytes: number;
  /** Whether more went by than is kept. */
  isCut: boolean;
}

const NOTHING = Buffer.alloc(0);

export class MessageRelay {
  readonly #options: MessageOptions;
  readonly #sequence: FrameSequence;
  #message: Message | undefined;
  #inflater: MessageInflater | undefined;

  constructor(options: MessageOptions) {
    this.#options = options;
    this.#sequence = new FrameSequence(options.limits, options.now);
  }

  /**
   * Takes the next part of a frame. What it writes waits in the writer; where somebody has to be waited for, the promise
   * says when it is there. Throws or rejects with a WebSocketFault or a Refusal.
   */
  take(part: FramePart): Promise<void> | undefined {
    if (isControl(part.opcode)) return this.#takeControl(part);
    if (part.isStart) this.#sequence.data(part);
    const message = (this.#message ??= this.#open(part));
    const isLast = part.isEnd && part.isFinal;
    if (isLast) this.#message = undefined;
    if (message.isCompressed) return this.#takeCompressed(message, part.payload, isLast);
    const looked = this.#look(message, part.payload, isLast);
    if (looked !== undefined) return looked.then(() => this.#write(message, part.payload, isLast));
    this.#write(message, part.payload, isLast);
    return undefined;
  }

  close(): void {
    this.#inflater?.close();
  }

  #open({ opcode, isCompressed }: FramePart): Message {
    const { inspect, redactor } = this.#options;
    const kind = opcode === OPCODE.text ? 'text' : 'binary';
    return {
      kind,
      isCompressed,
      utf8: kind === 'text' ? new Utf8Check() : undefined,
      inspection: inspect?.(kind),
      redaction: redactor?.stream(),
      bytes: 0,
      isBegun: false,
      kept: [],
      keptBytes: 0,
      isCut: false,
    };
  }

  async #takeCompressed(message: Message, payload: Buffer, isLast: boolean): Promise<void> {
    const { redactor, writer, flush, isFresh, limits } = this.#options;
    this.#inflater ??= new MessageInflater(isFresh, limits);
    for await (const plain of this.#inflater.inflate(payload, isLast)) {
      await this.#look(message, plain, false);
      if (redactor === undefined) continue;
      this.#write(message, plain, false);
      if (writer.bytes >= UNSENT_BYTES) await flush();
    }
    if (isLast) await this.#look(message, NOTHING, true);
    // What nobody changed goes on as it was compressed: both peers keep the window that they have in common. What may have
    // changed goes on uncompressed, in every message of the direction, so that no window misses anything.
    this.#write(message, redactor === undefined ? payload : NOTHING, isLast);
  }

  #look(message: Message, plain: Buffer, isLast: boolean): Promise<void> | undefined {
    message.bytes += plain.length;
    const { maxBytes } = this.#options;
    if (maxBytes !== undefined && message.bytes > maxBytes) throw tooLong('message', maxBytes);
    if (message.utf8?.accepts(plain, isLast) === false) {
      throw new WebSocketFault(1007, 'a WebSocket text that is not UTF-8');
    }
    if (this.#options.captured !== undefined && message.redaction === undefined) this.#keep(message, plain);
    const { inspection } = message;
    if (inspection === undefined) return undefined;
    const pushed = plain.length === 0 ? undefined : inspection.push([plain]);
    if (!isLast) return pushed;
    const finished = pushed === undefined ? inspection.finish() : pushed.then(() => inspection.finish());
    if (finished !== undefined) return finished.then(() => this.#note(inspection));
    this.#note(inspection);
    return undefined;
  }

  #note(inspection: BodyInspection): void {
    const notes = inspection.notes();
    if (notes.length > 0) this.#options.onNotes(notes);
  }

  #write(message: Message, bytes: Buffer, isLast: boolean): void {
    const { writer, captured, direction } = this.#options;
    let payload = bytes;
    if (message.redaction !== undefined) {
      const pieces = bytes.length === 0 ? [] : message.redaction.push(bytes);
      if (isLast) pieces.push(...message.redaction.finish());
      payload = pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces);
      if (captured !== undefined) this.#keep(message, payload);
    }
    if (payload.length > 0 || isLast) {
      const opcode = message.isBegun ? OPCODE.continuation : OPCODE[message.kind];
      const isCompressed = message.isCompressed && message.redaction === undefined && !message.isBegun;
      writer.add({ opcode, isFinal: isLast, isCompressed, payload });
      message.isBegun = true;
    }
    if (isLast) captured?.message(direction, message.kind, Buffer.concat(message.kept), message.isCut);
  }

  /** Copies: what lies here is overwritten or sent on. */
  #keep(message: Message, plain: Buffer): void {
    const room = this.#options.limits.capturedBytes - message.keptBytes;
    if (plain.length > room) message.isCut = true;
    if (room <= 0 || plain.length === 0) return;
    const piece = Buffer.from(plain.subarray(0, room));
    message.kept.push(piece);
    message.keptBytes += piece.length;
  }

  #takeControl(part: FramePart): Promise<void> | undefined {
    this.#sequence.control(part);
    const { inspect, redactor } = this.#options;
    const inspection = part.payload.length === 0 ? undefined : inspect?.('binary');
    // A control frame has no room for a placeholder: blanks of the same length.
    const blanks = part.payload.length === 0 ? undefined : redactor?.blankingStream();
    const payload =
      blanks === undefined ? part.payload : Buffer.concat([...blanks.push(part.payload), ...blanks.finish()]);
    const write = () => {
      this.#options.writer.add({ opcode: part.opcode, isFinal: true, isCompressed: false, payload });
    };
    if (inspection === undefined) {
      write();
      return undefined;
    }
    return this.#inspectWhole(inspection, part.payload, write);
  }

  async #inspectWhole(inspection: BodyInspection, bytes: Buffer, write: () => void): Promise<void> {
    await inspection.push([bytes]);
    await inspection.finish();
    this.#note(inspection);
    write();
  }
}
