// A WebSocket whose handshake the upstream accepted: answers the client's own handshake, then every message is judged on
// its way out and looked through for secrets on its way back.
import { forwardableFields } from './fields.ts';
import type { Forwarding } from './forwarding.ts';
import type { ByteSides } from './message.ts';
import { Refusal, upstreamFailure } from './refusal.ts';
import { redactFields } from './respond.ts';
import { upstreamFault } from './response-head.ts';
import type { UpstreamAnswer, UpstreamRequest } from './upstream-link.ts';
import { agreedFields, checkAcceptance } from './websocket-handshake.ts';
import { relayWebSocket, type WebSocketEnd } from './websocket-relay.ts';

/** Resolves when both sides are done. Throws a Refusal for every other end. */
export async function forwardWebSocket(
  answer: UpstreamAnswer,
  upstream: ByteSides,
  request: UpstreamRequest,
  { stream, progress, redactor, judged, settings, inspections, meter, captured }: Forwarding,
): Promise<void> {
  if (request.handshake === undefined) throw upstreamFailure('the upstream switched protocols unasked');
  const extensions = checkAcceptance({ ...answer, version: '1.1' }, request.handshake, stream.head);
  const agreed = agreedFields(forwardableFields(answer.fields, upstreamFault), extensions);
  const fields = redactor === undefined ? agreed : redactFields(agreed, redactor);
  const reason = redactor === undefined ? answer.reason : redactor.text(answer.reason);
  progress.answered = true;
  captured?.response({ version: answer.version, status: answer.status, reason, fields });
  const { exchange, decision } = judged;
  const end = await relayWebSocket({
    client: await stream.acceptWebSocket(fields),
    upstream,
    extensions,
    inspectOut: () => inspections.body({ exchange, kind: 'message', settings, rule: decision.matched }),
    maxMessageBytes: decision.matched?.maxBodyBytes,
    redactor,
    captured,
    onBytes(direction, bytes) {
      if (direction === 'out') progress.bytesOut += bytes;
      else progress.bytesIn += bytes;
    },
    meter: (bytes) => meter.out(bytes),
  });
  progress.notes = end.notes;
  progress.isEndKnown = true;
  refuseBadEnd(end);
}

function refuseBadEnd({ outcome, detail, rule }: WebSocketEnd): void {
  switch (outcome) {
    case 'complete':
      return;
    case 'refused':
      throw new Refusal({ status: 403, rule: rule ?? '<websocket>', reason: detail });
    case 'upstream-error':
      throw upstreamFailure(detail);
    case 'aborted':
      throw new Refusal({ status: 502, rule: '<error>', reason: detail });
    default:
      outcome satisfies never;
      throw new Error('a WebSocket ended in an unknown way');
  }
}
