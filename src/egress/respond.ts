// The way back: what the upstream answered becomes what the client gets. Untouched and at full speed, unless a secret was
// put into the request: then everything that comes back is looked through for secrets.
import { decodeContent } from './decode-content.ts';
import { forwardableFields, forwardableTrailers, type Field } from './fields.ts';
import { declaredLength } from './framing.ts';
import type { Body, Response } from './message.ts';
import type { Redactor } from './redact.ts';
import { upstreamFault } from './response-head.ts';
import type { BodySource } from './transfer.ts';
import type { UpstreamAnswer } from './upstream-link.ts';

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
  answer: UpstreamAnswer,
  method: string,
  redactor: Redactor | undefined,
  onBytes: (pieces: readonly Buffer[]) => void,
): Response {
  const { status, framing } = answer;
  const forwarded = forwardableFields(answer.fields, upstreamFault).filter(({ name }) => !DROPPED.has(name));
  if (redactor === undefined) {
    return {
      status,
      reason: answer.reason,
      fields: forwarded,
      framing,
      bodilessLength: bodilessLength(method, answer),
      body: { next: observed(answer.body.next, onBytes), trailers: () => forwardableTrailers(answer.body.trailers()) },
    };
  }
  const hasBody = framing.kind !== 'none';
  return {
    status,
    reason: redactor.text(answer.reason),
    fields: redactFields(
      hasBody ? forwarded.filter(({ name }) => !DROPPED_WHEN_CHANGED.has(name)) : forwarded,
      redactor,
    ),
    framing: hasBody ? { kind: 'chunked' } : framing,
    bodilessLength: undefined,
    body: hasBody ? redactBody(answer, redactor, onBytes) : answer.body,
  };
}

/** HEAD and 304 tell the length of a body that does not follow. */
function bodilessLength(method: string, answer: UpstreamAnswer): number | undefined {
  return method === 'HEAD' || answer.status === 304 ? declaredLength(answer.fields, upstreamFault) : undefined;
}

/** A field with a secret in its very name is left out: a placeholder need not be a name, and case says nothing in one. */
export function redactFields(fields: readonly Field[], redactor: Redactor): Field[] {
  return fields
    .filter(({ name }) => redactor.name(name) === name)
    .map((field) => ({ ...field, value: redactor.text(field.value) }));
}

function redactBody(answer: UpstreamAnswer, redactor: Redactor, onBytes: (pieces: readonly Buffer[]) => void): Body {
  const plain = decodeContent(answer.body.next, answer.fields);
  const stream = redactor.stream();
  let ended = false;
  const redacted: BodySource = async () => {
    while (!ended) {
      const pieces = await plain();
      ended = pieces === undefined;
      const passed = pieces === undefined ? stream.finish() : pieces.flatMap((piece) => stream.push(piece));
      if (passed.length > 0) return passed;
    }
    return undefined;
  };
  return {
    next: observed(redacted, onBytes),
    trailers: () => redactFields(forwardableTrailers(answer.body.trailers()), redactor),
  };
}

function observed(source: BodySource, onBytes: (pieces: readonly Buffer[]) => void): BodySource {
  return async () => {
    const pieces = await source();
    if (pieces !== undefined) onBytes(pieces);
    return pieces;
  };
}
