// One allowed request on its way: dial, send, receive, answer. Runs only after the decision is on disk. Both bodies stream
// at the same time; when either side breaks, both end, so that no half message passes for a whole one.
import type { ClientStream } from './client-stream.ts';
import { listMembers } from './fields.ts';
import type { Forwarding } from './forwarding.ts';
import { guarded } from './http1-link.ts';
import { NO_BODY } from './message.ts';
import { checkOutgoing } from './outgoing-body.ts';
import { upstreamFailure } from './refusal.ts';
import { expectsContinue } from './request-head.ts';
import { planResponse } from './respond.ts';
import { byteLength } from './transfer.ts';
import { StaleLink, type UpstreamAnswer, type UpstreamLink, type UpstreamRequest } from './upstream-link.ts';
import { POOL_IDLE_MS } from './upstream.ts';
import { forwardWebSocket } from './forward-websocket.ts';
import { createHandshake, type OwnHandshake } from './websocket-handshake.ts';

/** A request that could not be sent again goes over no connection that the upstream may just be closing: servers do after 5 s and more. */
const UNREPEATABLE_IDLE_MS = 4000;

/** Resolves once the client has the whole answer. Throws a Refusal, or an Error once answered. */
export async function forwardRequest(forwarding: Forwarding): Promise<void> {
  const { judged, stream, destination, upstreams } = forwarding;
  const { framing } = judged;
  const expects = expectsContinue(judged.head);
  const handshake = judged.exchange.protocol === 'websocket' ? createHandshake() : undefined;
  const isRepeatable = framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0);
  const maxIdleMs = handshake !== undefined ? 0 : isRepeatable ? POOL_IDLE_MS : UNREPEATABLE_IDLE_MS;
  const version = handshake === undefined && stream.head.version === '2' ? '2' : '1.1';
  const first = await upstreams.open(destination, { maxIdleMs, version });
  const request = upstreamRequest(forwarding, handshake);
  if (expects && framing.kind !== 'none') await stream.sendContinue();
  try {
    await exchangeOver(first, request, forwarding);
  } catch (error) {
    // Nobody has seen the request.
    if (!(error instanceof StaleLink)) throw error;
    if (!isRepeatable || !stream.isOpen) throw upstreamFailure(error.message);
    await exchangeOver(await upstreams.open(destination, { maxIdleMs: 0, version }), request, forwarding);
  }
}

function upstreamRequest(forwarding: Forwarding, handshake: OwnHandshake | undefined): UpstreamRequest {
  const { judged, stream, fields, meter, inspection, captured, progress } = forwarding;
  const { framing, head } = judged;
  const isBodiless = framing.kind === 'none';
  if (isBodiless) progress.bodyRead = true;
  const maxBodyBytes = judged.decision.matched?.maxBodyBytes;
  const checks = { framing, maxBodyBytes, meter, inspection, captured, progress };
  return {
    scheme: judged.exchange.scheme,
    method: judged.exchange.method,
    target: judged.target,
    authority: judged.authority,
    fields,
    framing,
    // Opened also without a body: the stream learns that there is none.
    body: isBodiless ? (stream.openBody(framing), NO_BODY) : checkOutgoing(stream.openBody(framing), checks),
    handshake,
    wantsTrailers: listMembers(head.fields, 'te').includes('trailers'),
  };
}

async function exchangeOver(link: UpstreamLink, request: UpstreamRequest, forwarding: Forwarding): Promise<void> {
  const { stream, progress, redactor, captured } = forwarding;
  // A client that is gone needs no answer any more.
  stream.onGone(() => link.abort());
  try {
    const answer = await link.exchange(request);
    progress.status = answer.status;
    if (answer.webSocket !== undefined) {
      await forwardWebSocket(answer, answer.webSocket, request, forwarding);
      return;
    }
    const response = planResponse(answer, request.method, redactor, (pieces) => {
      progress.bytesIn += byteLength(pieces);
      captured?.responseBody(pieces);
    });
    captured?.response({ ...response, version: answer.version });
    progress.answered = true;
    await respond(stream, response, answer);
    stream.onGone(undefined);
    answer.release();
  } catch (error) {
    link.abort();
    throw error;
  } finally {
    stream.onGone(undefined);
  }
}

function respond(
  stream: ClientStream,
  response: Parameters<ClientStream['respond']>[0],
  { sendingFailed }: UpstreamAnswer,
): Promise<void> {
  return guarded(stream.respond(response), sendingFailed);
}
