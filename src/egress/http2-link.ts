// Exchanges over HTTP/2 connections to upstreams: one stream each, many side by side on one connection.
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { createBodyDecoder } from './body-decoder.ts';
import { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import type { EgressLimits } from './config.ts';
import type { Field } from './fields.ts';
import { declaredLength, isBodiless, type Framing } from './framing.ts';
import { readHttp2Head, readHttp2Trailers, sendHttp2Trailers, writeHttp2Fields } from './http2-fields.ts';
import type { Body } from './message.ts';
import { upstreamFailure } from './refusal.ts';
import { upstreamFault } from './response-head.ts';
import { readBody } from './transfer.ts';
import { StaleLink, type UpstreamAnswer, type UpstreamLink, type UpstreamRequest } from './upstream-link.ts';

export interface Http2Upstream {
  /** Whether another request may begin on it. */
  readonly isUsable: boolean;
  link(): UpstreamLink;
  /** Lets what is under way come to its end, then closes. */
  retire(): void;
}

/** Bytes that an upstream may send ahead on one answer, and on one connection: bulk needs more than the default. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 4 * 1024 * 1024;
const MAX_SESSION_MEMORY_MB = 16;
const MAX_INTERIM_RESPONSES = 16;
/** Where the upstream does not say how many it takes. */
const ASSUMED_MAX_STREAMS = 100;

/** Takes over a TLS connection on which the upstream chose HTTP/2. `onClosed` is called once when it takes no more. */
export function http2Upstream(
  socket: Socket,
  limits: EgressLimits,
  idleMs: number,
  onClosed: () => void,
): Http2Upstream {
  const session = connect('https://upstream.invalid', {
    createConnection: () => socket,
    maxSessionMemory: MAX_SESSION_MEMORY_MB,
    maxHeaderListPairs: limits.maxHeaders,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: limits.maxHeadBytes },
  });
  let open = 0;
  let isRetired = false;
  const retire = () => {
    if (isRetired) return;
    isRetired = true;
    onClosed();
    session.close();
  };
  session.on('error', () => undefined);
  session.once('close', retire);
  session.once('goaway', retire);
  session.once('connect', () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
  session.setTimeout(idleMs, () => {
    if (open === 0) retire();
  });
  return {
    get isUsable() {
      const most = session.remoteSettings?.maxConcurrentStreams ?? ASSUMED_MAX_STREAMS;
      return !isRetired && !session.closed && !session.destroyed && open < Math.min(most, ASSUMED_MAX_STREAMS);
    },
    retire,
    link: () =>
      http2Link(session, limits, (change) => {
        open += change;
      }),
  };
}

function http2Link(session: ClientHttp2Session, limits: EgressLimits, count: (change: 1 | -1) => void): UpstreamLink {
  let stream: ClientHttp2Stream | undefined;
  return {
    abort: () => stream?.close(constants.NGHTTP2_CANCEL),
    async exchange(request) {
      const begun = beginRequest(session, request);
      stream = begun;
      count(1);
      begun.once('close', () => count(-1));
      begun.on('error', () => undefined);
      begun.setTimeout(limits.idleTimeoutMs, () => begun.close(constants.NGHTTP2_CANCEL));
      const failed = request.framing.kind === 'none' ? undefined : sendBody(begun, request);
      const received = receiveHead(begun, request, limits);
      const head = await (failed === undefined ? received : Promise.race([received, failed]));
      return { ...head, sendingFailed: failed, webSocket: undefined, release: () => begun.resume() };
    },
  };
}

function beginRequest(session: ClientHttp2Session, request: UpstreamRequest): ClientHttp2Stream {
  const { scheme, method, target, authority, fields, framing, wantsTrailers } = request;
  const headers = {
    ':method': method,
    ':scheme': scheme,
    ':authority': authority,
    ':path': target,
    ...writeHttp2Fields(fields),
    ...(wantsTrailers ? { te: 'trailers' } : {}),
    ...(framing.kind === 'length' ? { 'content-length': String(framing.length) } : {}),
  };
  try {
    return session.request(headers, {
      endStream: framing.kind === 'none',
      waitForTrailers: framing.kind === 'chunked',
    });
  } catch {
    // It closed since it was chosen.
    throw new StaleLink('the upstream closed the connection');
  }
}

/** Sends the body; rejects when the client's side of it fails, and never resolves. */
function sendBody(stream: ClientHttp2Stream, { body }: UpstreamRequest): Promise<never> {
  stream.once('wantTrailers', () => sendHttp2Trailers(stream, body.trailers()));
  const failed = new Promise<never>((_, reject) => {
    pump(stream, body).catch((error: unknown) => {
      stream.close(constants.NGHTTP2_CANCEL);
      reject(error);
    });
  });
  failed.catch(() => undefined);
  return failed;
}

/** Reads the body to its end, also where the upstream takes no more of it: it may have answered already. */
async function pump(stream: ClientHttp2Stream, body: Body): Promise<void> {
  let isTaken = true;
  for (;;) {
    const pieces = await body.next();
    if (pieces === undefined) break;
    if (!isTaken) continue;
    try {
      await writeBytes(stream, pieces);
    } catch {
      isTaken = false;
    }
  }
  if (isTaken) stream.end();
}

type ReceivedHead = Pick<UpstreamAnswer, 'version' | 'status' | 'reason' | 'fields' | 'framing' | 'body'>;

function receiveHead(stream: ClientHttp2Stream, request: UpstreamRequest, limits: EgressLimits): Promise<ReceivedHead> {
  return new Promise((resolve, reject) => {
    let interim = 0;
    let isAnswered = false;
    stream.on('headers', () => {
      interim += 1;
      if (interim <= MAX_INTERIM_RESPONSES) return;
      reject(upstreamFailure('the upstream sent interim responses without end'));
      stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.once('response', (_headers: unknown, flags: number, raw: string[]) => {
      isAnswered = true;
      try {
        resolve(readAnswer(stream, raw, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0, request, limits));
      } catch (error) {
        stream.close(constants.NGHTTP2_CANCEL);
        reject(error instanceof Error ? error : upstreamFailure('the upstream answered what cannot be read'));
      }
    });
    stream.once('close', () => {
      if (isAnswered) return;
      const isUnseen = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      reject(
        isUnseen
          ? new StaleLink('the upstream took no request on this connection')
          : upstreamFailure('the upstream closed the connection without an answer'),
      );
    });
  });
}

function readAnswer(
  stream: ClientHttp2Stream,
  raw: readonly string[],
  isEnded: boolean,
  request: UpstreamRequest,
  limits: EgressLimits,
): ReceivedHead {
  const { pseudo, fields } = readHttp2Head(raw, limits.maxHeaders, upstreamFault);
  const statusText = pseudo.get(':status') ?? '';
  if (pseudo.size !== 1 || !/^[2-5]\d\d$/.test(statusText))
    throw upstreamFailure('the upstream answered without a status');
  const status = Number(statusText);
  const framing = framingOf(request.method, status, isEnded, fields);
  let trailers: readonly Field[] = [];
  let fault: Error | undefined;
  stream.once('trailers', (_headers: unknown, _flags: number, rawTrailers: string[]) => {
    try {
      trailers = readHttp2Trailers(rawTrailers, limits.maxHeaders, upstreamFault);
    } catch (error) {
      fault = error instanceof Error ? error : upstreamFault('trailers that cannot be read');
    }
  });
  const next = readBody(new ByteReader(stream), createBodyDecoder(framing, upstreamFault));
  const body: Body = {
    async next() {
      const pieces = await next();
      if (fault !== undefined) throw fault;
      return pieces;
    },
    trailers: () => trailers,
  };
  return { version: '2', status, reason: '', fields, framing, body };
}

function framingOf(method: string, status: number, isEnded: boolean, fields: readonly Field[]): Framing {
  const length = declaredLength(fields, upstreamFault);
  if (isBodiless(method, status)) return { kind: 'none' };
  // Nothing follows, and the client must be told so: a length says it in every version.
  if (isEnded) return { kind: 'length', length: 0 };
  return length === undefined ? { kind: 'until-close' } : { kind: 'length', length };
}
