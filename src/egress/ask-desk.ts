// Requests that wait for a person's answer (`--net ask`).
import type { Decision, Exchange } from '../policy/types.ts';

export interface Question {
  exchange: Exchange;
  decision: Decision;
  /** The cage's end of the connection: by it the host finds the process that asks. */
  client: { address: string; port: number } | undefined;
}

/** `once`: this request may pass. `changed`: the settings are others now, judge again. `denied`: no, by a person, by time or by number. */
export type Answer = { answer: 'once' } | { answer: 'changed' } | { answer: 'denied'; reason: string };

export interface AskDesk {
  /** Holds the request until there is an answer. Never rejects. `gone` is called back when the client gives up. */
  hold(question: Question, onGone: (drop: () => void) => void): Promise<Answer>;
}
