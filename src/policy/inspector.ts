// What an inspector is: it looks at one exchange and says what it found. It cannot allow; it can only name the rule that
// would, ask, or deny. It is pure, and what it throws becomes a refusal.
import type { Exchange, PlaceholderBinding, Policy, Rule, Usage } from './types.ts';

/** What a judgement needs besides the policy and the exchange: all of it data, so that the same input gives the same answer. */
export interface Circumstances {
  bindings: readonly PlaceholderBinding[];
  /** Milliseconds since the epoch: rules expire by it. */
  nowMs: number;
  /** What has passed by a rule in the present minute and day. */
  usage: (rule: Rule) => Usage;
}

export interface InspectionContext extends Circumstances {
  policy: Policy;
  /** The allow rule that an inspector before this one named. */
  matched: Rule | undefined;
}

export type Finding =
  /** `matched`: the allow rule that lets the exchange pass unless someone denies it. */
  | { action: 'pass'; reason: string; matched: Rule }
  | { action: 'note'; reason: string }
  /** No rule decides: it passes where the policy learns, and waits for an answer where it asks, unless someone denies it. */
  | { action: 'open'; decision: 'ask' | 'learn'; reason: string; remedy: string }
  /** `rule` and `remedy` as in Decision. Reasons never quote header values or other bytes that may hold a secret. */
  | { action: 'deny'; rule: string; reason: string; remedy: string };

export interface Inspector {
  name: string;
  /** Undefined: nothing to say. */
  inspect(exchange: Exchange, context: InspectionContext): Finding | undefined;
}

/** Of a rule that nothing has passed by, or that nobody counts for. */
export const NO_USAGE: Usage = { requestsThisMinute: 0, requestsToday: 0, bytesThisMinute: 0, bytesToday: 0 };
