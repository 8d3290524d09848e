// What is kept of exchanges for people to look at (HAR): heads, and bodies and messages within a bound. Evidence, not the
// audit: when it cannot be written, traffic goes on and the gap is noted. Nothing that is given here holds a secret's value.
import type { Field } from './fields.ts';

export interface Capture {
  /** Begins one exchange; `seq` is that of its decision in the audit. */
  open(seq: number): CapturedExchange;
  close(): Promise<void>;
}

export interface CapturedExchange {
  /** Fields as the cage sent them, placeholders included. */
  request(head: { version: string; method: string; url: string; fields: readonly Field[] }): void;
  requestBody(pieces: readonly Buffer[]): void;
  /** Fields as the cage gets them. */
  response(head: { version: string; status: number; reason: string; fields: readonly Field[] }): void;
  responseBody(pieces: readonly Buffer[]): void;
  /** `isCut`: more of it went by than is given. */
  message(direction: 'out' | 'in', kind: 'text' | 'binary', bytes: Buffer, isCut: boolean): void;
  end(): void;
}
