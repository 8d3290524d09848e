// One request of a cage and the way back to it, as the exchange sees it: the versions of HTTP differ behind this.
import type { Field } from './fields.ts';
import type { Framing } from './framing.ts';
import type { Origin } from './judge.ts';
import type { Body, ByteSides, Response } from './message.ts';
import type { RefusalAnswer } from './refuse.ts';
import type { RequestHead } from './request-head.ts';

export interface ClientStream {
  readonly head: RequestHead;
  readonly origin: Origin;
  /** False once the client has given up. */
  readonly isOpen: boolean;
  /** Whether the beginning of an answer is out: a refusal can no longer be one. */
  readonly isAnswered: boolean;
  /** Calls back once when the client gives up; undefined takes the callback away. */
  onGone(callback: (() => void) | undefined): void;
  /** The request's body, in the framing that was judged. Asked for once at most. */
  openBody(framing: Framing): Body;
  sendContinue(): Promise<void>;
  respond(response: Response): Promise<void>;
  /** Answers with a refusal; never rejects. */
  refuse(answer: RefusalAnswer): Promise<void>;
  /** Says yes to a WebSocket handshake; from then on the bytes are the WebSocket's. */
  acceptWebSocket(fields: readonly Field[]): Promise<ByteSides>;
  /** Ends it at once, so that nothing half passes for whole. */
  abort(): void;
}
