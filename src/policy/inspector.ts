// What an inspector is: it looks at one exchange and says what it found. It cannot allow; it can only name the rule that
// would, or deny. It is pure, and what it throws becomes a refusal.
import type { Exchange, PlaceholderBinding, Policy, Rule } from './types.ts';

export interface InspectionContext {
  policy: Policy;
  bindings: readonly PlaceholderBinding[];
}

export type Finding =
  /** `matched`: the allow rule that lets the exchange pass unless someone denies it. */
  | { action: 'pass'; reason: string; matched?: Rule | undefined }
  | { action: 'note'; reason: string }
  /** `rule` and `remedy` as in Decision. Reasons never quote header values or other bytes that may hold a secret. */
  | { action: 'deny'; rule: string; reason: string; remedy: string };

export interface Inspector {
  name: string;
  /** Undefined: nothing to say. */
  inspect(exchange: Exchange, context: InspectionContext): Finding | undefined;
}
