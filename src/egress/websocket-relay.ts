// A WebSocket whose handshake both sides agreed on: every frame of either direction is taken apart and written anew, at the
// receiver's speed. Whatever is wrong ends it for both peers with a close frame that says why; answering pings and closing
// for want of them is left to the peers.
import type { InspectorNote } from '../policy/types.ts';
import type { CapturedExchange } from './capture.ts';
import type { BodyInspection } from './inspection.ts';
import type { ByteSides } from './message.ts';
import type { Redactor } from './redact.ts';
import { createNoteBook } from './websocket-notes.ts';
import { createPeer, drainUntilClosed, pump, type PumpEnd } from './websocket-pump.ts';
import type { Deflate } from './websocket-extensions.ts';
import { MessageRelay, type MessageKind, type MessageLimits } from './websocket-messages.ts';

interface WebSocketLimits extends MessageLimits {
  /** Time for a peer to answer a close of the other. */
  readonly closeTimeoutMs: number;
  /** Time for a peer to take the last bytes before its connection is cut. */
  readonly lingerMs: number;
}

const LIMITS: WebSocketLimits = {
  // What the servers of ws take by default.
  fragmentsPerMessage: 16_384,
  controlFramesPerSecond: 200,
  inflatedBytes: 8 * 1024 * 1024,
  inflateRatio: 200,
  capturedBytes: 64 * 1024,
  closeTimeoutMs: 30_000,
  lingerMs: 2000,
};

export interface WebSocketRelay {
  readonly client: ByteSides;
  readonly upstream: ByteSides;
  /** What was agreed on about compression; undefined: none. */
  readonly extensions: Deflate | undefined;
  /** A new inspection for each message towards the upstream, and for what pings, pongs and closes carry. */
  readonly inspectOut: (kind: MessageKind) => BodyInspection | undefined;
  /** Of each message towards the upstream; undefined: any number. */
  readonly maxMessageBytes?: number | undefined;
  /** Where a secret is in the handshake: messages to the client are looked through for it. */
  readonly redactor: Redactor | undefined;
  readonly captured: CapturedExchange | undefined;
  /** Bytes as they arrived, frames and all. */
  readonly onBytes: (direction: 'out' | 'in', bytes: number) => void;
  /** Counts the same towards the upstream, before they are sent. Throws a Refusal. */
  readonly meter?: (bytes: number) => void;
  readonly limits?: Partial<WebSocketLimits>;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

export interface WebSocketEnd {
  readonly outcome: 'complete' | 'refused' | 'aborted' | 'upstream-error';
  /** Empty where it is complete. */
  readonly detail: string;
  /** What refused it; present with `refused`. */
  readonly rule?: string;
  /** What inspections flagged, each once. */
  readonly notes: readonly InspectorNote[];
}

/** Relays until both sides are done, and leaves both connections closed. Never rejects. */
export async function relayWebSocket(options: WebSocketRelay): Promise<WebSocketEnd> {
  const limits = { ...LIMITS, ...options.limits };
  const { extensions, redactor, captured, onBytes, meter, now = () => performance.now() } = options;
  const mayCompress = extensions !== undefined;
  const noteBook = createNoteBook();
  const client = createPeer(options.client.sink, false);
  const upstream = createPeer(options.upstream.sink, true);
  const shared = { captured, limits, now, onNotes: noteBook.add };
  const outgoing = new MessageRelay({
    ...shared,
    direction: 'out',
    writer: upstream.writer,
    flush: upstream.flush,
    isFresh: extensions?.clientNoContextTakeover === true,
    inspect: options.inspectOut,
    redactor: undefined,
    maxBytes: options.maxMessageBytes,
  });
  const incoming = new MessageRelay({
    ...shared,
    direction: 'in',
    writer: client.writer,
    flush: client.flush,
    isFresh: extensions?.serverNoContextTakeover === true,
    inspect: undefined,
    redactor,
    maxBytes: undefined,
  });
  const out = pump({
    reader: options.client.reader,
    to: upstream,
    messages: outgoing,
    rules: { isMasked: true, mayCompress },
    onBytes(bytes) {
      onBytes('out', bytes);
      meter?.(bytes);
    },
  });
  const back = pump({
    reader: options.upstream.reader,
    to: client,
    messages: incoming,
    rules: { isMasked: false, mayCompress },
    onBytes: (bytes) => onBytes('in', bytes),
  });

  const end = await firstEnd(out, back, limits.closeTimeoutMs);
  if (end.kind === 'fault') {
    client.close(end.code, end.reason);
    // Why the policy says no is nobody's business out there.
    upstream.close(end.code, end.code === 1008 ? 'refused' : end.reason);
  }
  for (const peer of [client, upstream]) peer.end();
  await drainUntilClosed(
    [
      { done: out, reader: options.client.reader, sink: options.client.sink },
      { done: back, reader: options.upstream.reader, sink: options.upstream.sink },
    ],
    limits.lingerMs,
  );
  await Promise.all([out, back]);
  outgoing.close();
  incoming.close();
  return { ...outcomeOf(end), notes: noteBook.notes() };
}

type Ended = (PumpEnd & { by: 'client' | 'upstream' }) | { kind: 'done' };

/** What the whole ends with. A close that one side sent waits for that of the other; anything else is the end for both. */
async function firstEnd(out: Promise<PumpEnd>, back: Promise<PumpEnd>, closeTimeoutMs: number): Promise<Ended> {
  const fromClient = out.then((end) => ({ ...end, by: 'client' as const }));
  const fromUpstream = back.then((end) => ({ ...end, by: 'upstream' as const }));
  const first = await Promise.race([fromClient, fromUpstream]);
  if (first.kind !== 'closed') return first;
  const other = first.by === 'client' ? fromUpstream : fromClient;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), closeTimeoutMs);
  });
  const second = await Promise.race([other, timeout]);
  clearTimeout(timer);
  // Whoever has said that it closes may be gone before it is answered.
  return second?.kind === 'fault' ? second : { kind: 'done' };
}

function outcomeOf(end: Ended): Omit<WebSocketEnd, 'notes'> {
  switch (end.kind) {
    case 'done':
    case 'closed':
      return { outcome: 'complete', detail: '' };
    case 'fault':
      return end.by === 'client' || end.rule !== '<websocket>'
        ? { outcome: 'refused', detail: end.reason, rule: end.rule }
        : { outcome: 'upstream-error', detail: `the upstream sent ${end.reason}` };
    case 'sender-gone':
      return goneOf(end.by);
    case 'receiver-gone':
      return goneOf(end.by === 'client' ? 'upstream' : 'client');
    default:
      end satisfies never;
      throw new Error('a WebSocket that ended in an unknown way');
  }
}

function goneOf(who: 'client' | 'upstream'): Omit<WebSocketEnd, 'notes'> {
  return who === 'client'
    ? { outcome: 'aborted', detail: 'the client left the WebSocket without a close' }
    : { outcome: 'upstream-error', detail: 'the upstream left the WebSocket without a close' };
}
