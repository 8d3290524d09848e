// A connection of a cage that speaks HTTP/2: many requests side by side, each judged alone. Frames and header compression
// are the platform's; the bounds on what a client may make it do are here.
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { InspectorNote } from '../policy/types.ts';
import { newAsked, serveExchange, toRefusal, type ExchangeServices } from './exchange.ts';
import { readHttp2Request } from './http2-request.ts';
import { http2Stream, OUR_ABORT } from './http2-stream.ts';
import type { Origin } from './judge.ts';
import { refusalBody } from './refuse.ts';

/** Requests under way on one connection. */
export const MAX_STREAMS = 128;
/** The same on all connections of the cage together; more are turned away unrecorded, as if the client had asked later. */
const MAX_STREAMS_OF_ALL = 4096;
/** Bytes that a client may send ahead on one request, and on one connection. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const SESSION_WINDOW_BYTES = 1024 * 1024;
/** Requests that a client took back before their answer began, on one connection within RESET_WINDOW_MS (CVE-2023-44487). */
const MAX_RESETS = 200;
const RESET_WINDOW_MS = 10_000;
/** Frames that make no sense, and streams beyond MAX_STREAMS, before a connection is cut. */
const MAX_INVALID_FRAMES = 100;
const MAX_REJECTED_STREAMS = 100;
/** Megabytes of one connection's own bookkeeping. */
const MAX_SESSION_MEMORY_MB = 4;

/** Resolves when the connection is closed and its last exchange is over. */
export async function serveHttp2(secure: TLSSocket, origin: Origin, services: ExchangeServices): Promise<void> {
  const { limits } = services;
  const session = performServerHandshake(secure, {
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
    maxHeaderListPairs: limits.maxHeaders,
    maxSessionInvalidFrames: MAX_INVALID_FRAMES,
    maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: limits.maxHeadBytes,
      enablePush: false,
      enableConnectProtocol: true,
    },
  });
  const exchanges = new Set<Promise<void>>();
  const resets = createResetCounter(session, origin, services);
  session.on('error', () => undefined);
  session.once('connect', () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
  session.setTimeout(limits.idleTimeoutMs, () => session.destroy());
  session.on('stream', (stream: ServerHttp2Stream, _headers: unknown, flags: number, raw: string[]) => {
    // What a stream says of its end is heard by who serves it; this keeps an error nobody awaits from ending the process.
    stream.on('error', () => undefined);
    resets.watch(stream);
    if (services.counters.streams >= MAX_STREAMS_OF_ALL) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    services.counters.streams += 1;
    const isBodiless = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const exchange = serveStream(stream, raw, isBodiless, { origin, services });
    exchanges.add(exchange);
    const done = () => {
      services.counters.streams -= 1;
      exchanges.delete(exchange);
    };
    // Whatever may come of one request must not become an error that nobody awaits.
    exchange.then(done, done);
  });
  await new Promise<void>((resolve) => session.once('close', () => resolve()));
  await Promise.allSettled(exchanges);
}

interface StreamSurroundings {
  origin: Origin;
  services: ExchangeServices;
}

async function serveStream(
  stream: ServerHttp2Stream,
  raw: readonly string[],
  isBodiless: boolean,
  { origin, services }: StreamSurroundings,
): Promise<void> {
  const { limits, journal, counters } = services;
  try {
    const head = readHttp2Request(raw, isBodiless, limits);
    await serveExchange(http2Stream({ stream, head, origin, limits }), services);
  } catch (error) {
    const refusal = toRefusal(error);
    const { status, rule, message: reason, remedy } = refusal;
    const asked = newAsked(origin);
    counters.refused += 1;
    await journal.deny(asked, rule, [{ name: 'egress', action: 'deny', reason }]);
    if (stream.headersSent || stream.destroyed || stream.closed) {
      stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    stream.respond({ ':status': status, 'content-type': 'application/json', 'cache-control': 'no-store' });
    stream.end(refusalBody({ ...asked, status, rule, reason, remedy }));
    stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  }
}

/** Codes with which a stream ends that the client did not take back. */
const OUR_CODES: ReadonlySet<number> = new Set([
  constants.NGHTTP2_NO_ERROR,
  constants.NGHTTP2_REFUSED_STREAM,
  OUR_ABORT,
]);

function createResetCounter(session: ServerHttp2Session, origin: Origin, { journal, counters }: ExchangeServices) {
  let count = 0;
  let since = performance.now();
  return {
    watch(stream: ServerHttp2Stream): void {
      stream.once('close', () => {
        const isTakenBack = !OUR_CODES.has(stream.rstCode ?? constants.NGHTTP2_NO_ERROR);
        if (!isTakenBack) return;
        if (performance.now() - since > RESET_WINDOW_MS) {
          count = 0;
          since = performance.now();
        }
        count += 1;
        if (count !== MAX_RESETS) return;
        counters.refused += 1;
        const reason = `more than ${MAX_RESETS} requests of one connection taken back within ${RESET_WINDOW_MS / 1000} s`;
        const note: InspectorNote = { name: 'egress', action: 'deny', reason };
        void journal.deny(newAsked(origin), '<limit>', [note]);
        session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      });
    },
  };
}
