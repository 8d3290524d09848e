// How far one exchange has come: written by who moves it, read by who records its end.
import type { InspectorNote } from '../policy/types.ts';

export interface Progress {
  status: number;
  bytesOut: number;
  bytesIn: number;
  /** Whether the client has received the beginning of an answer: a refusal can no longer be one. */
  answered: boolean;
  /** Whether the client's body was read to its end. */
  bodyRead: boolean;
  /** Set where the end was found out before the connections were closed: that the client is gone by now says nothing. */
  isEndKnown?: boolean;
  /** What was flagged on the way. */
  notes: readonly InspectorNote[];
}
