// One HTTP message between the two sides of the egress, whatever version either side speaks.
import type { ByteReader } from './byte-reader.ts';
import type { Writable } from 'node:stream';
import type { Field } from './fields.ts';
import type { Framing } from './framing.ts';
import type { BodySource } from './transfer.ts';

/** A body as it streams. */
export interface Body {
  readonly next: BodySource;
  /** What followed the body; complete once `next` has told the end. */
  trailers(): readonly Field[];
}

/** An answer on its way to the cage. */
export interface Response {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  /** `until-close` and `chunked` alike mean an end that is seen only when it comes. */
  readonly framing: Framing;
  /** Content-Length of a response that has no body, as HEAD has it. */
  readonly bodilessLength: number | undefined;
  readonly body: Body;
}

/** The two directions of a connection that has left HTTP behind. */
export interface ByteSides {
  readonly reader: ByteReader;
  readonly sink: Writable;
}

export const NO_BODY: Body = { next: () => Promise.resolve(undefined), trailers: () => [] };
