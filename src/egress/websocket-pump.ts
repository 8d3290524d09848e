// One direction of a WebSocket: bytes in, frames out, one read ahead at most. What is found wrong is its result, not an
// error: the relay decides what becomes of both sides.
import type { Writable } from 'node:stream';
import type { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import { Refusal } from './refusal.ts';
import { WebSocketFault, type FaultCode } from './websocket-fault.ts';
import { FrameDecoder, OPCODE, type FrameRules } from './websocket-frame.ts';
import { closeFrame, closePayload, FrameWriter, UNSENT_BYTES } from './websocket-frame-writer.ts';
import type { MessageRelay } from './websocket-messages.ts';

export type PumpEnd =
  /** A close frame was passed on: nothing may follow it. */
  | { kind: 'closed' }
  | { kind: 'sender-gone' }
  | { kind: 'receiver-gone' }
  | { kind: 'fault'; code: FaultCode; rule: string; reason: string };

/** The receiving end of one direction. */
export interface Peer {
  readonly writer: FrameWriter;
  /** Whether nothing may be sent any more. */
  readonly isClosed: boolean;
  /** Sends what the writer has; resolves when there is room for more. Rejects with a PeerGone. */
  readonly flush: () => Promise<void>;
  /** A close went out. */
  seal(): void;
  /** Says why it ends, behind what the writer has; nothing where a close went out before. */
  close(code: FaultCode, reason: string): void;
  end(): void;
}

class PeerGone extends Error {}

/** `isMasked`: for a peer that is a server. */
export function createPeer(sink: Writable, isMasked: boolean): Peer {
  const writer = new FrameWriter(isMasked);
  let isClosed = false;
  return {
    writer,
    get isClosed() {
      return isClosed;
    },
    async flush() {
      const pieces = writer.take();
      if (pieces.length === 0) return;
      if (isClosed) throw new PeerGone();
      try {
        await writeBytes(sink, pieces);
      } catch {
        throw new PeerGone();
      }
    },
    seal() {
      isClosed = true;
    },
    close(code, reason) {
      if (isClosed || sink.destroyed || sink.writableEnded) return;
      isClosed = true;
      writer.add(closeFrame(closePayload(code, reason)));
      for (const piece of writer.take()) sink.write(piece);
    },
    end() {
      isClosed = true;
      if (!sink.destroyed && !sink.writableEnded) sink.end();
    },
  };
}

export interface PumpOptions {
  readonly reader: ByteReader;
  readonly to: Peer;
  readonly messages: MessageRelay;
  readonly rules: FrameRules;
  /** Before anything is done with them. Throws a Refusal. */
  readonly onBytes: (bytes: number) => void;
}

/** Relays until this direction ends. Never rejects. */
export async function pump(options: PumpOptions): Promise<PumpEnd> {
  try {
    return await relayFrames(options);
  } catch (error) {
    return endOf(error);
  }
}

async function relayFrames({ reader, to, messages, rules, onBytes }: PumpOptions): Promise<PumpEnd> {
  const decoder = new FrameDecoder(rules);
  for (;;) {
    const bytes = await nextBytes(reader);
    if (bytes === undefined) return { kind: 'sender-gone' };
    if (to.isClosed) return { kind: 'receiver-gone' };
    onBytes(bytes.length);
    decoder.feed(bytes);
    for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
      const waiting = messages.take(part);
      // What was found good before does not wait for this.
      if (waiting !== undefined) await Promise.all([waiting, to.flush()]);
      if (part.opcode === OPCODE.close) {
        await to.flush();
        to.seal();
        return { kind: 'closed' };
      }
      if (to.writer.bytes >= UNSENT_BYTES) await to.flush();
    }
    await to.flush();
  }
}

/** Undefined for a sender that broke as well as for one that ended: neither said that it closes. */
async function nextBytes(reader: ByteReader): Promise<Buffer | undefined> {
  try {
    return await reader.read();
  } catch {
    return undefined;
  }
}

function endOf(error: unknown): PumpEnd {
  if (error instanceof PeerGone) return { kind: 'receiver-gone' };
  if (error instanceof WebSocketFault) {
    return { kind: 'fault', code: error.code, rule: '<websocket>', reason: error.message };
  }
  if (error instanceof Refusal) return { kind: 'fault', code: 1008, rule: error.rule, reason: error.message };
  // The text of an unforeseen error stays here: it may quote what must not be told.
  return { kind: 'fault', code: 1008, rule: '<error>', reason: 'the egress could not finish this message' };
}

export interface Closing {
  /** The pump that reads first. */
  readonly done: Promise<PumpEnd>;
  readonly reader: ByteReader;
  readonly sink: Writable;
}

/**
 * Reads and drops what still comes, so that the last bytes to a peer are not taken back by the kernel, until both peers have
 * closed or the time is over.
 */
export async function drainUntilClosed(sides: readonly Closing[], lingerMs: number): Promise<void> {
  const timer = setTimeout(() => {
    for (const { sink, reader } of sides) {
      sink.destroy();
      reader.abandon(new Error('the peer did not close'));
    }
  }, lingerMs);
  await Promise.all(sides.map(drain));
  clearTimeout(timer);
}

async function drain({ done, reader, sink }: Closing): Promise<void> {
  await done;
  for (;;) if ((await nextBytes(reader)) === undefined) break;
  if (!sink.writableFinished && !sink.destroyed) {
    await new Promise<void>((resolve) => {
      sink.once('finish', resolve);
      sink.once('close', resolve);
    });
  }
  sink.destroy();
}
