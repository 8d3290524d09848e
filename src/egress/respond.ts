// The way back: what the upstream answered becomes what the client gets. Untouched and at full speed, unless a secret was
// put into the request: then everything that comes back is looked through for secrets.
import type { Socket } from 'node:net';
import { createBodyDecoder } from './body-decoder.ts';
import { decodeContent } from './decode-content.ts';
import { forwardableFields, type Field } from './fields.ts';
import { declaredLength, responseFraming, type Framing } from './framing.ts';
import { writeResponseHead } from './head-writer.ts';
import type { Redactor } from './redact.ts';
import { upstreamFault, upstreamKeepsAlive, type ResponseHead } from './response-head.ts';
import { readBody, writeBody, type BodySource } from './transfer.ts';
import type { UpstreamConnection } from './upstream.ts';

export interface ResponsePlan {
  readonly head: Buffer;
  readonly source: BodySource;
  readonly framing: Framing;
  /** Whether the client's connection must end behind this response. */
  readonly closesClient: boolean;
  /** Whether the upstream's connection may serve another request once the body is complete. */
  readonly keepsUpstream: boolean;
}

export interface ClientWishes {
  method: string;
  version: '1.0' | '1.1';
  keepAlive: boolean;
}

/** Fields that would tell the client of ways around this proxy. */
const DROPPED: ReadonlySet<string> = new Set(['alt-svc', 'alternate-protocol']);
/** Fields that speak of the bytes before they were looked through. */
const DROPPED_WHEN_CHANGED: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-md5',
  'digest',
  'etag',
  'accept-ranges',
]);

/** Plans the response; throws a Refusal (502) before a byte of it was sent. `redactor` is given where a secret went out. */
export function planResponse(
  response: ResponseHead,
  upstream: UpstreamConnection,
  client: ClientWishes,
  redactor: Redactor | undefined,
  onBytes: (bytes: number) => void,
): ResponsePlan {
  const received = responseFraming(client.method, response);
  const counted = countBytes(readBody(upstream.reader, createBodyDecoder(received, upstreamFault)), onBytes);
  const changes = redactor !== undefined && received.kind !== 'none';
  const source = changes ? redactBody(decodeContent(counted, response.fields), redactor) : counted;
  const framing = sentFraming(received, changes, client.version);
  const closesClient = !client.keepAlive || framing.kind === 'until-close';
  const forwarded = forwardableFields(response.fields, upstreamFault).filter(({ name }) => !DROPPED.has(name));
  const fields = redactor === undefined ? forwarded : redactFields(forwarded, redactor, changes);
  const head = writeResponseHead({
    status: response.status,
    reason: redactor === undefined ? response.reason : redactor.text(response.reason),
    fields,
    framing,
    close: closesClient,
    bodilessLength: redactor === undefined ? bodilessLength(client.method, response) : undefined,
  });
  const keepsUpstream = received.kind !== 'until-close' && upstreamKeepsAlive(response);
  return { head, source, framing, closesClient, keepsUpstream };
}

export function sendResponse(plan: ResponsePlan, socket: Socket): Promise<void> {
  return writeBody(socket, plan.head, plan.source, plan.framing, () => undefined);
}

function sentFraming(received: Framing, changes: boolean, version: '1.0' | '1.1'): Framing {
  if (received.kind === 'none') return received;
  if (received.kind === 'length' && !changes) return received;
  return { kind: version === '1.1' ? 'chunked' : 'until-close' };
}

/** HEAD and 304 tell the length of a body that does not follow. */
function bodilessLength(method: string, response: ResponseHead): number | undefined {
  return method === 'HEAD' || response.status === 304 ? declaredLength(response.fields, upstreamFault) : undefined;
}

function redactFields(fields: readonly Field[], redactor: Redactor, changes: boolean): Field[] {
  return fields
    .filter(({ name }) => !changes || !DROPPED_WHEN_CHANGED.has(name))
    .map((field) => ({ ...field, spelled: redactor.text(field.spelled), value: redactor.text(field.value) }));
}

function redactBody(source: BodySource, redactor: Redactor): BodySource {
  const stream = redactor.stream();
  let ended = false;
  return async () => {
    while (!ended) {
      const pieces = await source();
      ended = pieces === undefined;
      const passed = pieces === undefined ? stream.finish() : pieces.flatMap((piece) => stream.push(piece));
      if (passed.length > 0) return passed;
    }
    return undefined;
  };
}

function countBytes(source: BodySource, onBytes: (bytes: number) => void): BodySource {
  return async () => {
    const pieces = await source();
    for (const piece of pieces ?? []) onBytes(piece.length);
    return pieces;
  };
}
