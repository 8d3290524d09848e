// One request on an HTTP/1 connection of a cage: its body, its answer, and what may become of the connection behind it.
import type { Socket } from 'node:net';
import { createBodyDecoder } from './body-decoder.ts';
import { writeAtOnce, writeBytes } from './byte-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientStream } from './client-stream.ts';
import { listMembers } from './fields.ts';
import type { Framing } from './framing.ts';
import { writeResponseHead, writeTrailers } from './head-writer.ts';
import type { Body, Response } from './message.ts';
import { malformed } from './refusal.ts';
import { writeRefusal } from './refuse.ts';
import { clientKeepsAlive, type RequestHead } from './request-head.ts';
import { frameEnd, framePieces, readBody } from './transfer.ts';
import { acceptanceFields } from './websocket-handshake.ts';

/** What becomes of the connection: the next request, or its end while somebody (or nobody) still reads from it. */
type AfterExchange = 'next' | 'close' | 'close-while-read';

export interface Http1Stream extends ClientStream {
  /** Asked once the exchange is over. */
  after(): AfterExchange;
}

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');

export function http1Stream(head: RequestHead, client: ClientConnection): Http1Stream {
  const { socket, reader, origin } = client;
  let isAnswered = false;
  let isRead = false;
  let hasBody = head.fields.some(({ name }) => name === 'content-length' || name === 'transfer-encoding');
  let isBeingRead = false;
  let after: AfterExchange = 'close';

  const unreadAfter = (): AfterExchange => (isBeingRead ? 'close-while-read' : 'close');
  const isBehindBody = () => isRead || !hasBody;

  return {
    head,
    origin,
    get isOpen() {
      return reader.isOpen;
    },
    get isAnswered() {
      return isAnswered;
    },
    after: () => after,
    onGone(callback) {
      reader.onClosed = callback;
      if (callback !== undefined && !reader.isOpen) callback();
    },
    openBody(framing): Body {
      hasBody = framing.kind !== 'none';
      if (!hasBody) {
        return { next: () => Promise.resolve(undefined), trailers: () => [] };
      }
      const decoder = createBodyDecoder(framing, malformed);
      const next = readBody(reader, decoder);
      return {
        async next() {
          isBeingRead = true;
          try {
            const pieces = await next();
            if (pieces === undefined) isRead = true;
            return pieces;
          } finally {
            isBeingRead = false;
          }
        },
        trailers: () => decoder.trailers?.() ?? [],
      };
    },
    sendContinue: () => writeBytes(socket, [CONTINUE]),
    async respond(response) {
      const framing = framingTo(head, response.framing);
      const closes = !clientKeepsAlive(head) || framing.kind === 'until-close';
      isAnswered = true;
      const bytes = writeResponseHead({ ...response, framing, close: closes });
      await writeResponse(socket, bytes, response, framing, takesTrailers(head));
      after = isBehindBody() ? (closes ? 'close' : 'next') : unreadAfter();
    },
    async refuse(answer) {
      isAnswered = true;
      // Nothing of a body that was not asked for is waited for.
      const goesOn = isBehindBody() && answer.status === 403 && clientKeepsAlive(head);
      after = goesOn ? 'next' : unreadAfter();
      try {
        await writeBytes(socket, [writeRefusal(answer, !goesOn, head.method === 'HEAD')]);
      } catch {
        // A client that is gone needs no answer.
        socket.destroy();
      }
    },
    async acceptWebSocket(fields) {
      isAnswered = true;
      const bytes = writeResponseHead({
        status: 101,
        reason: 'Switching Protocols',
        fields: [...acceptanceFields(head), ...fields],
        framing: { kind: 'none' },
        close: false,
      });
      reader.onClosed = undefined;
      await writeBytes(socket, [bytes]);
      return { reader, sink: socket };
    },
    abort() {
      after = 'close';
      socket.destroy();
    },
  };
}

function framingTo(head: RequestHead, framing: Framing): Framing {
  if (framing.kind === 'none' || framing.kind === 'length') return framing;
  return { kind: head.version === '1.0' ? 'until-close' : 'chunked' };
}

function takesTrailers(head: RequestHead): boolean {
  return listMembers(head.fields, 'te').includes('trailers');
}

/**
 * The head goes out together with the first pieces of the body where they are here already, and at the end of this turn of
 * the event loop where they are not: one write less for most answers, and no wait for a late body.
 */
async function writeResponse(
  socket: Socket,
  head: Buffer,
  { body }: Response,
  framing: Framing,
  withTrailers: boolean,
): Promise<void> {
  if (framing.kind === 'none') {
    writeAtOnce(socket, [head]);
    return;
  }
  let unsent: Buffer | undefined = head;
  process.nextTick(() => {
    if (unsent === undefined || socket.destroyed || socket.writableEnded) return;
    socket.write(unsent);
    unsent = undefined;
  });
  const withHead = (pieces: readonly Buffer[]): readonly Buffer[] => {
    if (unsent === undefined) return pieces;
    const both = [unsent, ...pieces];
    unsent = undefined;
    return both;
  };
  for (;;) {
    const pieces = await body.next();
    if (pieces === undefined) break;
    await writeBytes(socket, withHead(framePieces(pieces, framing)));
  }
  const trailers = withTrailers && framing.kind === 'chunked' ? body.trailers() : [];
  await writeBytes(socket, withHead(trailers.length === 0 ? frameEnd(framing) : [writeTrailers(trailers)]));
}
