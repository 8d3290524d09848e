// A WebSocket whose handshake the upstream accepted: answers the client's own handshake, then both directions flow.
import type { ByteSides } from './message.ts';
import { writeBytes } from './byte-writer.ts';
import { fieldValues, forwardableFields } from './fields.ts';
import type { Forwarding } from './forward.ts';
import type { RedactionStream } from './redact.ts';
import { upstreamFailure } from './refusal.ts';
import { upstreamFault } from './response-head.ts';
import type { UpstreamAnswer, UpstreamRequest } from './upstream-link.ts';
import { checkAcceptance } from './websocket-handshake.ts';

/** Resolves when both sides are done. */
export async function forwardWebSocket(
  answer: UpstreamAnswer,
  upstream: ByteSides,
  request: UpstreamRequest,
  { stream, progress, redactor }: Forwarding,
): Promise<void> {
  if (request.handshake === undefined) throw upstreamFailure('the upstream switched protocols unasked');
  checkAcceptance({ ...answer, version: '1.1' }, request.handshake, stream.head);
  if (redactor !== undefined && fieldValues(answer.fields, 'sec-websocket-extensions').length > 0) {
    throw upstreamFailure('the upstream chose a WebSocket extension nobody offered');
  }
  const passed = forwardableFields(answer.fields, upstreamFault).filter(({ name }) => name !== 'sec-websocket-accept');
  const fields = passed.map((field) =>
    redactor === undefined ? field : { ...field, value: redactor.text(field.value) },
  );
  progress.answered = true;
  const client = await stream.acceptWebSocket(fields);
  try {
    await Promise.all([
      relay(client, upstream, undefined, (bytes) => {
        progress.bytesOut += bytes;
      }),
      relay(upstream, client, redactor?.blankingStream(), (bytes) => {
        progress.bytesIn += bytes;
      }),
    ]);
  } finally {
    upstream.sink.destroy();
    client.sink.end();
  }
}

async function relay(
  from: ByteSides,
  to: ByteSides,
  redaction: RedactionStream | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  for (;;) {
    const bytes = await from.reader.read();
    if (bytes === undefined) break;
    onBytes(bytes.length);
    await writeBytes(to.sink, redaction === undefined ? [bytes] : redaction.push(bytes));
  }
  if (redaction !== undefined) await writeBytes(to.sink, redaction.finish());
  to.sink.end();
}
