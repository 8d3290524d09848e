// One request on an HTTP/2 connection of a cage, as the exchange sees it.
import { constants, type ServerHttp2Stream } from 'node:http2';
import { createBodyDecoder } from './body-decoder.ts';
import { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import type { ClientStream } from './client-stream.ts';
import type { Field } from './fields.ts';
import type { Framing } from './framing.ts';
import { readHttp2Trailers, sendHttp2Trailers, writeHttp2Fields } from './http2-fields.ts';
import type { Origin } from './judge.ts';
import { NO_BODY, type Body, type Response } from './message.ts';
import { malformed } from './refusal.ts';
import { refusalBody } from './refuse.ts';
import type { HeadLimits, RequestHead } from './request-head.ts';
import { readBody } from './transfer.ts';

export interface Http2StreamOptions {
  stream: ServerHttp2Stream;
  head: RequestHead;
  origin: Origin;
  limits: HeadLimits;
}

/** The code by which a stream ends that the egress gave up, so that it is not taken for the client's doing. */
export const OUR_ABORT = constants.NGHTTP2_INTERNAL_ERROR;

export function http2Stream({ stream, head, origin, limits }: Http2StreamOptions): ClientStream {
  let isAnswered = false;
  let onGone: (() => void) | undefined;
  // A WebSocket that is turned away has no body, and yet a side that the client could go on with.
  let isUnread = head.isBodiless !== true || head.isWebSocket === true;
  let trailers: readonly Field[] = [];
  let fault: Error | undefined;
  // From the beginning: they may be here before somebody asks for the body.
  stream.once('trailers', (_headers: unknown, _flags: number, raw: string[]) => {
    try {
      trailers = readHttp2Trailers(raw, limits.maxHeaders, malformed);
    } catch (error) {
      fault = error instanceof Error ? error : malformed('trailers that cannot be read');
    }
  });
  stream.once('close', () => {
    const callback = onGone;
    onGone = undefined;
    callback?.();
  });
  const isOpen = () => !stream.destroyed && !stream.aborted && !stream.closed;

  return {
    head,
    origin,
    get isOpen() {
      return isOpen();
    },
    get isAnswered() {
      return isAnswered;
    },
    onGone(callback) {
      onGone = callback;
      if (callback !== undefined && !isOpen()) callback();
    },
    openBody(framing): Body {
      if (framing.kind === 'none') return NO_BODY;
      const next = readBody(new ByteReader(stream), createBodyDecoder(untilEnd(framing), malformed));
      return {
        async next() {
          const pieces = await next();
          if (fault !== undefined) throw fault;
          if (pieces === undefined) isUnread = false;
          return pieces;
        },
        trailers: () => trailers,
      };
    },
    async sendContinue() {
      if (isOpen()) stream.additionalHeaders({ ':status': 100 });
    },
    async respond(response) {
      if (!isOpen()) throw new Error('the connection was closed');
      isAnswered = true;
      await writeResponse(stream, response, head.method === 'HEAD');
      finish();
    },
    async refuse(answer) {
      isAnswered = true;
      if (!isOpen()) return;
      const body = refusalBody(answer);
      const headers = {
        ':status': answer.status,
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'content-length': String(body.length),
      };
      stream.respond(headers, { endStream: head.method === 'HEAD' });
      if (head.method !== 'HEAD') stream.end(body);
      finish();
    },
    async acceptWebSocket(fields) {
      isAnswered = true;
      onGone = undefined;
      stream.respond({ ':status': 200, ...writeHttp2Fields(fields) });
      return { reader: new ByteReader(stream), sink: stream };
    },
    abort() {
      stream.close(OUR_ABORT);
    },
  };

  /** A whole answer to half a request: the client need not send the rest (RFC 9113, section 8.1). */
  function finish(): void {
    if (!isUnread) {
      if (head.isBodiless === true) stream.resume();
      return;
    }
    if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    else stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  }
}

/** What has no length in HTTP/2 ends with its stream. */
function untilEnd(framing: Framing): Framing {
  return framing.kind === 'length' ? framing : { kind: 'until-close' };
}

async function writeResponse(stream: ServerHttp2Stream, response: Response, isHead: boolean): Promise<void> {
  const { status, fields, framing, bodilessLength, body } = response;
  const length = framing.kind === 'length' ? framing.length : bodilessLength;
  const headers = {
    ':status': status,
    ...writeHttp2Fields(fields),
    ...(length === undefined ? {} : { 'content-length': String(length) }),
  };
  const hasBody = framing.kind !== 'none' && !isHead;
  const mayTrail = hasBody && framing.kind !== 'length';
  let trailers: readonly Field[] = [];
  if (mayTrail) {
    stream.once('wantTrailers', () => sendHttp2Trailers(stream, trailers));
  }
  stream.respond(headers, { endStream: !hasBody, waitForTrailers: mayTrail });
  if (!hasBody) return;
  for (;;) {
    const pieces = await body.next();
    if (pieces === undefined) break;
    await writeBytes(stream, pieces);
  }
  trailers = body.trailers();
  stream.end();
}
