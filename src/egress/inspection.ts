// What the exchange asks of those who look into content: the head once more by the user's own inspectors, and every body
// and every WebSocket message on its way out, before it is sent. A throw of anything is a refusal.
import type { Exchange, InspectorNote, Rule } from '../policy/types.ts';
import type { Settings } from './settings.ts';

export interface Inspections {
  /**
   * After the policy said yes and before anything is sent. Undefined where nobody has to be asked. Rejects with a Refusal
   * for a no; resolves with what there is to note.
   */
  head(exchange: Exchange, settings: Settings): Promise<readonly InspectorNote[]> | undefined;
  /** A new inspection of one body or message; undefined where there is nothing to look for. */
  body(subject: BodySubject): BodyInspection | undefined;
}

export interface BodySubject {
  readonly exchange: Exchange;
  readonly kind: 'body' | 'message';
  readonly settings: Settings;
  /** The rule that let the exchange pass; absent in `learn`. */
  readonly rule: Rule | undefined;
}

export interface BodyInspection {
  /**
   * Looks at the next bytes, as they stand on the wire without their framing. They may be sent once this returned, or
   * once what it returned has resolved. Throws or rejects with a Refusal.
   */
  push(pieces: readonly Buffer[]): Promise<void> | undefined;
  /** The end of the body; the last bytes are sent only after it. Throws or rejects with a Refusal. */
  finish(): Promise<void> | undefined;
  /** What was flagged, each once. */
  notes(): readonly InspectorNote[];
}
