// One allowed request on its way: dial, send, receive, answer. Runs only after the decision is on disk. Both bodies stream
// at the same time; when either side breaks, both connections end, so that no half message passes for a whole one.
import { createBodyDecoder } from './body-decoder.ts';
import type { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { EgressLimits } from './config.ts';
import type { Destination } from './dial.ts';
import type { Field } from './fields.ts';
import { writeRequestHead } from './head-writer.ts';
import type { Judged } from './judge.ts';
import type { Progress } from './progress.ts';
import type { Redactor } from './redact.ts';
import { malformed, upstreamFailure } from './refusal.ts';
import { clientKeepsAlive, expectsContinue } from './request-head.ts';
import { planResponse, sendResponse } from './respond.ts';
import { parseResponseHead, upstreamFault, type ResponseHead } from './response-head.ts';
import { readHead } from './read-head.ts';
import { byteLength, frameEnd, framePieces, readBody } from './transfer.ts';
import { POOL_IDLE_MS, type UpstreamConnection, type Upstreams } from './upstream.ts';
import { createHandshake, type OwnHandshake } from './websocket-handshake.ts';
import { acceptWebSocket } from './websocket.ts';

export interface Forwarding {
  readonly judged: Judged;
  readonly client: ClientConnection;
  readonly destination: Destination;
  /** With secrets in place. */
  readonly fields: readonly Field[];
  /** Where a secret is in the fields. */
  readonly redactor: Redactor | undefined;
  readonly upstreams: Upstreams;
  readonly limits: EgressLimits;
  /** Filled in as it goes. */
  readonly progress: Progress;
}

/** An interim response that never ends in a final one is an upstream's way to hold a connection. */
const MAX_INTERIM_RESPONSES = 16;

/** A request that could not be sent again goes over no connection that the upstream may just be closing: servers do after 5 s and more. */
const UNREPEATABLE_IDLE_MS = 4000;

/** Resolves to whether the client's connection may serve a next request. Throws a Refusal, or an Error once answered. */
export async function forwardRequest(forwarding: Forwarding): Promise<boolean> {
  const { judged, client, destination, upstreams } = forwarding;
  const expects = expectsContinue(judged.head);
  const handshake = judged.exchange.protocol === 'websocket' ? createHandshake() : undefined;
  const { framing } = judged;
  const isRepeatable = framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0);
  const maxIdleMs = handshake !== undefined ? 0 : isRepeatable ? POOL_IDLE_MS : UNREPEATABLE_IDLE_MS;
  const first = await upstreams.open(destination, maxIdleMs);
  if (expects && framing.kind !== 'none') {
    await writeBytes(client.socket, [Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')]);
  }
  try {
    return await exchangeOver(first, forwarding, handshake);
  } catch (error) {
    // The upstream closed an idle connection while the request was under way to it: nobody has seen the request.
    if (!(error instanceof StaleConnection)) throw error;
    if (!isRepeatable || !client.reader.isOpen) throw upstreamFailure(error.message);
    return await exchangeOver(await upstreams.open(destination, 0), forwarding, handshake);
  }
}

class StaleConnection extends Error {}

async function exchangeOver(
  upstream: UpstreamConnection,
  forwarding: Forwarding,
  handshake: OwnHandshake | undefined,
): Promise<boolean> {
  const { judged, client, progress, redactor, upstreams } = forwarding;
  const { socket, reader } = client;
  // A client that is gone needs no answer any more.
  reader.onClosed = () => upstream.socket.destroy();
  if (!reader.isOpen) upstream.socket.destroy();
  const sending = sendRequest(upstream, forwarding, handshake);
  try {
    const response = await Promise.race([receiveHead(upstream, forwarding), sending.failed]);
    progress.status = response.status;
    if (response.status === 101) {
      if (handshake === undefined) throw upstreamFailure('the upstream switched protocols unasked');
      return await acceptWebSocket({ upstream, client, response, handshake, judged, progress, redactor });
    }
    const wishes = {
      method: judged.exchange.method,
      version: judged.head.version,
      keepAlive: clientKeepsAlive(judged.head) && handshake === undefined,
    };
    const plan = planResponse(response, upstream, wishes, redactor, (bytes) => {
      progress.bytesIn += bytes;
    });
    progress.answered = true;
    await Promise.race([sendResponse(plan, socket), sending.failed]);
    const isClean = sending.isComplete() && plan.keepsUpstream && handshake === undefined;
    reader.onClosed = undefined;
    if (isClean) upstreams.keep(upstream);
    else upstream.socket.destroy();
    return sending.isComplete() && !plan.closesClient;
  } catch (error) {
    upstream.socket.destroy();
    throw error;
  } finally {
    reader.onClosed = undefined;
    sending.stop();
  }
}

async function receiveHead(upstream: UpstreamConnection, { limits }: Forwarding): Promise<ResponseHead> {
  for (let count = 0; count <= MAX_INTERIM_RESPONSES; count += 1) {
    const bytes = await readResponseHead(upstream, limits);
    const head = parseResponseHead(bytes, limits);
    if (head.status >= 200 || head.status === 101) return head;
    // Interim responses are not passed on: whoever waited for 100 has had ours.
    upstream.reused = false;
  }
  throw upstreamFailure('the upstream sent interim responses without end');
}

async function readResponseHead(upstream: UpstreamConnection, limits: EgressLimits): Promise<Buffer> {
  let bytes: Buffer | undefined;
  try {
    bytes = await readHead(upstream.reader, {
      maxBytes: limits.maxHeadBytes,
      timeoutMs: limits.headTimeoutMs,
      fault: upstreamFault,
      onTimeout: () => upstream.socket.destroy(),
    });
  } catch (error) {
    if (error instanceof Error && error.name === 'Refusal') throw error;
    bytes = undefined;
  }
  if (bytes !== undefined) return bytes;
  if (upstream.reused) throw new StaleConnection('the upstream closed an idle connection');
  throw upstreamFailure('the upstream closed the connection without an answer');
}

interface Sending {
  /** Rejects when the client's part of the exchange failed; never resolves. */
  failed: Promise<never>;
  isComplete(): boolean;
  /** What still comes of the request's body is read and dropped. */
  stop(): void;
}

/** Starts to send the request; goes on by itself while the response is awaited. */
function sendRequest(
  upstream: UpstreamConnection,
  forwarding: Forwarding,
  handshake: OwnHandshake | undefined,
): Sending {
  const { judged, client, progress, fields } = forwarding;
  let state: 'sending' | 'complete' | 'stopped' = 'sending';
  const head = writeRequestHead({
    method: judged.exchange.method,
    target: judged.target,
    authority: judged.authority,
    fields: [...fields, ...(handshake?.fields ?? [])],
    framing: judged.framing,
  });

  /** An upstream that takes no more may have answered already: its answer decides, not the failed write. */
  async function write(pieces: readonly Buffer[]): Promise<void> {
    if (state !== 'sending') return;
    try {
      await writeBytes(upstream.socket, pieces);
    } catch {
      if (state === 'sending') state = 'stopped';
    }
  }

  async function send(): Promise<void> {
    await write([head]);
    if (judged.framing.kind !== 'none') await sendBody(client.reader);
    progress.bodyRead = true;
    if (state === 'sending') state = 'complete';
  }

  async function sendBody(reader: ByteReader): Promise<void> {
    const source = readBody(reader, createBodyDecoder(judged.framing, malformed));
    for (;;) {
      const pieces = await source();
      if (pieces === undefined) break;
      if (state === 'sending') progress.bytesOut += byteLength(pieces);
      await write(framePieces(pieces, judged.framing));
    }
    await write(frameEnd(judged.framing));
  }

  const failed = new Promise<never>((_, reject) => {
    send().catch((error: unknown) => {
      upstream.socket.destroy();
      reject(error);
    });
  });
  failed.catch(() => undefined);
  return {
    failed,
    isComplete: () => state === 'complete',
    stop() {
      if (state === 'sending') state = 'stopped';
    },
  };
}
