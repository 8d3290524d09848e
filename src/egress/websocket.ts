// A WebSocket once its handshake was judged: both directions are relayed as they come, at the receiver's speed, and
// counted. Frames are not taken apart; where a secret went out, its value is blanked in what comes back.
import type { Socket } from 'node:net';
import type { ByteReader } from './byte-reader.ts';
import { writeBytes } from './byte-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import { fieldValues, forwardableFields } from './fields.ts';
import { writeResponseHead } from './head-writer.ts';
import type { Judged } from './judge.ts';
import type { Progress } from './progress.ts';
import type { RedactionStream, Redactor } from './redact.ts';
import { upstreamFailure } from './refusal.ts';
import { upstreamFault, type ResponseHead } from './response-head.ts';
import type { UpstreamConnection } from './upstream.ts';
import { acceptanceFields, checkAcceptance, type OwnHandshake } from './websocket-handshake.ts';

export interface AcceptedSocket {
  upstream: UpstreamConnection;
  client: ClientConnection;
  response: ResponseHead;
  handshake: OwnHandshake;
  judged: Judged;
  progress: Progress;
  redactor: Redactor | undefined;
}

/** Answers the client's handshake and relays until both sides are done. Never leaves a connection for a next request. */
export async function acceptWebSocket(accepted: AcceptedSocket): Promise<false> {
  const { upstream, client, response, handshake, judged, progress, redactor } = accepted;
  checkAcceptance(response, handshake, judged.head);
  if (redactor !== undefined && fieldValues(response.fields, 'sec-websocket-extensions').length > 0) {
    throw upstreamFailure('the upstream chose a WebSocket extension nobody offered');
  }
  const passed = forwardableFields(response.fields, upstreamFault).filter(
    ({ name }) => name !== 'sec-websocket-accept',
  );
  const fields = passed.map((field) =>
    redactor === undefined ? field : { ...field, value: redactor.text(field.value) },
  );
  const head = writeResponseHead({
    status: 101,
    reason: 'Switching Protocols',
    fields: [...acceptanceFields(judged.head), ...fields],
    framing: { kind: 'none' },
    close: false,
  });
  progress.answered = true;
  client.reader.onClosed = undefined;
  await writeBytes(client.socket, [head]);
  try {
    await Promise.all([
      relay(client.reader, upstream.socket, undefined, (bytes) => {
        progress.bytesOut += bytes;
      }),
      relay(upstream.reader, client.socket, redactor?.blankingStream(), (bytes) => {
        progress.bytesIn += bytes;
      }),
    ]);
  } finally {
    upstream.socket.destroy();
    client.socket.end();
  }
  return false;
}

async function relay(
  from: ByteReader,
  to: Socket,
  redaction: RedactionStream | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  for (;;) {
    const bytes = await from.read();
    if (bytes === undefined) break;
    onBytes(bytes.length);
    await writeBytes(to, redaction === undefined ? [bytes] : redaction.push(bytes));
  }
  if (redaction !== undefined) await writeBytes(to, redaction.finish());
  to.end();
}
