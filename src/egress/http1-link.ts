// One exchange over an HTTP/1.1 connection to an upstream. Both bodies stream at the same time; a connection goes back to
// the pool only after a whole exchange with nothing left to read.
import { createBodyDecoder } from './body-decoder.ts';
import { writeBytes } from './byte-writer.ts';
import type { EgressLimits } from './config.ts';
import { responseFraming } from './framing.ts';
import { writeRequestHead, writeTrailers } from './head-writer.ts';
import type { Body } from './message.ts';
import { readHead } from './read-head.ts';
import { Refusal, upstreamFailure } from './refusal.ts';
import { parseResponseHead, upstreamFault, upstreamKeepsAlive, type ResponseHead } from './response-head.ts';
import { framePieces, frameEnd, readBody } from './transfer.ts';
import { StaleLink, type UpstreamAnswer, type UpstreamLink, type UpstreamRequest } from './upstream-link.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** An interim response that never ends in a final one is an upstream's way to hold a connection. */
const MAX_INTERIM_RESPONSES = 16;

/** `keep` takes the connection back. */
export function http1Link(
  connection: UpstreamConnection,
  limits: EgressLimits,
  keep: (connection: UpstreamConnection) => void,
): UpstreamLink {
  const { socket, reader } = connection;
  return {
    abort: () => void socket.destroy(),
    async exchange(request): Promise<UpstreamAnswer> {
      const sending = sendRequest(connection, request);
      const head = await guarded(receiveHead(connection, limits), sending.failed);
      const isAccepted = head.status === 101;
      if (isAccepted && request.handshake === undefined) {
        throw upstreamFailure('the upstream switched protocols unasked');
      }
      const framing = responseFraming(request.method, head);
      const decoder = createBodyDecoder(framing, upstreamFault);
      const body: Body = { next: readBody(reader, decoder), trailers: () => decoder.trailers?.() ?? [] };
      const isReusable = framing.kind !== 'until-close' && request.handshake === undefined && upstreamKeepsAlive(head);
      return {
        ...head,
        framing,
        body,
        sendingFailed: sending.failed,
        webSocket: isAccepted ? { reader, sink: socket } : undefined,
        release() {
          if (sending.isComplete() && isReusable) keep(connection);
          else socket.destroy();
          sending.stop();
        },
      };
    },
  };
}

async function receiveHead(upstream: UpstreamConnection, limits: EgressLimits): Promise<ResponseHead> {
  for (let count = 0; count <= MAX_INTERIM_RESPONSES; count += 1) {
    const head = parseResponseHead(await readResponseHead(upstream, limits), limits);
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
    if (error instanceof Refusal) throw error;
    bytes = undefined;
  }
  if (bytes !== undefined) return bytes;
  if (upstream.reused) throw new StaleLink('the upstream closed an idle connection');
  throw upstreamFailure('the upstream closed the connection without an answer');
}

interface Sending {
  failed: Promise<never> | undefined;
  isComplete(): boolean;
  /** What still comes of the request's body is read and dropped. */
  stop(): void;
}

/** Starts to send the request; its body goes on by itself while the response is awaited. */
function sendRequest({ socket }: UpstreamConnection, request: UpstreamRequest): Sending {
  let state: 'sending' | 'complete' | 'stopped' = 'sending';
  const { framing, body, handshake } = request;
  const head = writeRequestHead({
    ...request,
    fields: handshake === undefined ? request.fields : [...request.fields, ...handshake.fields],
  });

  /** An upstream that takes no more may have answered already: its answer decides, not the failed write. */
  async function write(pieces: readonly Buffer[]): Promise<void> {
    if (state !== 'sending') return;
    try {
      await writeBytes(socket, pieces);
    } catch {
      if (state === 'sending') state = 'stopped';
    }
  }

  async function sendBody(): Promise<void> {
    await write([head]);
    for (;;) {
      const pieces = await body.next();
      if (pieces === undefined) break;
      await write(framePieces(pieces, framing));
    }
    const trailers = framing.kind === 'chunked' ? body.trailers() : [];
    await write(trailers.length === 0 ? frameEnd(framing) : [writeTrailers(trailers)]);
    if (state === 'sending') state = 'complete';
  }

  const stop = () => {
    if (state === 'sending') state = 'stopped';
  };
  if (framing.kind === 'none') {
    void write([head]);
    state = 'complete';
    return { failed: undefined, isComplete: () => true, stop };
  }
  const failed = new Promise<never>((_, reject) => {
    sendBody().catch((error: unknown) => {
      socket.destroy();
      reject(error);
    });
  });
  failed.catch(() => undefined);
  return { failed, isComplete: () => state === 'complete', stop };
}

/** The work, unless sending fails first. */
export function guarded<T>(work: Promise<T>, failed: Promise<never> | undefined): Promise<T> {
  return failed === undefined ? work : Promise.race([work, failed]);
}
