// Where a body ends. The one question on which request smuggling lives, so everything with two answers is refused.
import { fieldValues, type Fault, type Field } from './fields.ts';
import { malformed } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import { upstreamFault, type ResponseHead } from './response-head.ts';

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  /** Responses only. */
  | { readonly kind: 'until-close' };

/** Takes a body out of its framing. */
export interface BodyDecoder {
  /** Whether the body is complete. */
  readonly done: boolean;
  /** Appends the data in `bytes` to `data`; gives how many of the bytes belonged to the body. Throws a Refusal. */
  decode(bytes: Buffer, data: Buffer[]): number;
  /** The sender closed: throws a Refusal unless that is where the body may end. */
  end(): void;
  /** What followed the body, where the framing can carry it. */
  trailers?(): readonly Field[];
}

export function requestFraming(head: RequestHead): Framing {
  if (head.version !== '2') return declaredFraming(head.fields, head.version, malformed) ?? { kind: 'none' };
  const length = declaredLength(head.fields, malformed);
  if (!head.isBodiless) return length === undefined ? { kind: 'chunked' } : { kind: 'length', length };
  if (length !== undefined && length > 0) throw malformed('a Content-Length without a body');
  return { kind: 'none' };
}

export function responseFraming(method: string, head: ResponseHead): Framing {
  const declared = declaredFraming(head.fields, head.version, upstreamFault);
  if (isBodiless(method, head.status)) return { kind: 'none' };
  return declared ?? { kind: 'until-close' };
}

/** Answers that have no body, whatever their fields say. */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status < 200 || status === 204 || status === 304;
}

function declaredFraming(fields: readonly Field[], version: '1.0' | '1.1', fault: Fault): Framing | undefined {
  const encodings = fieldValues(fields, 'transfer-encoding');
  const length = declaredLength(fields, fault);
  if (encodings.length === 0) return length === undefined ? undefined : { kind: 'length', length };
  if (length !== undefined) throw fault('both Content-Length and Transfer-Encoding');
  if (version === '1.0') throw fault('Transfer-Encoding in an HTTP/1.0 message');
  if (encodings.length > 1 || encodings[0]?.toLowerCase() !== 'chunked') {
    throw fault('a Transfer-Encoding other than chunked');
  }
  return { kind: 'chunked' };
}

/** The one Content-Length, or undefined; lists and repetitions are refused even when they agree. */
export function declaredLength(fields: readonly Field[], fault: Fault): number | undefined {
  const lengths = fieldValues(fields, 'content-length');
  const [text] = lengths;
  if (text === undefined) return undefined;
  if (lengths.length > 1) throw fault('more than one Content-Length');
  if (!/^\d{1,15}$/.test(text)) throw fault('a Content-Length that is not a plain number');
  return Number(text);
}
