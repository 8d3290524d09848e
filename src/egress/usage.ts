// What has passed by each rule, in the present minute and day: the memory behind budgets. The policy judges by it.
import type { Exchange, Rule, Usage } from '../policy/types.ts';

export interface UsageBook {
  /** What a rule has used so far. */
  of(rule: Rule): Usage;
  /** Counts one request that passes, and gives the meter for its bytes. */
  open(rule: Rule | undefined, exchange: Exchange): Meter;
  close(): Promise<void>;
}

export interface Meter {
  /** Counts body bytes towards the network before they are sent. Throws a Refusal `<budget>` when a bound is passed. */
  out(bytes: number): void;
}
