// How much may pass by the rule that matched. A rule that is used up refuses; the request does not fall through to a later
// rule: a bound that a second rule could lift without saying so would be none, and "the first match decides" would not hold.
import type { Inspector } from '../inspector.ts';
import type { Budget, Exchange, Usage } from '../types.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const budget: Inspector = {
  name: 'budget',
  inspect(exchange, { matched, usage, nowMs }) {
    if (matched?.budget === undefined) return undefined;
    const bound = exceeded(matched.budget, usage(matched), exchange);
    if (bound === undefined) return undefined;
    const reset = new Date((Math.floor(nowMs / bound.periodMs) + 1) * bound.periodMs).toISOString();
    const reason = `the rule ${matched.id} allows ${bound.text}, and this would be more; the count starts anew at ${reset}`;
    return { action: 'deny', rule: '<budget>', reason, remedy: '' };
  },
};

/** The bound that would be passed: of the day before that of the minute, because it lasts longer. */
function exceeded(bounds: Budget, used: Usage, exchange: Exchange): { text: string; periodMs: number } | undefined {
  // A body of unknown length is at least one byte; what it has beyond the bound is cut off while it passes.
  const coming = exchange.contentLength ?? 1;
  const { requestsPerMinute, requestsPerDay, bytesPerMinute, bytesPerDay } = bounds;
  if (isOver(requestsPerDay, used.requestsToday, 1)) {
    return { text: `${requestsPerDay} requests a day`, periodMs: DAY_MS };
  }
  if (isOver(bytesPerDay, used.bytesToday, coming)) return { text: `${bytesPerDay} bytes a day`, periodMs: DAY_MS };
  if (isOver(requestsPerMinute, used.requestsThisMinute, 1)) {
    return { text: `${requestsPerMinute} requests a minute`, periodMs: MINUTE_MS };
  }
  if (isOver(bytesPerMinute, used.bytesThisMinute, coming)) {
    return { text: `${bytesPerMinute} bytes a minute`, periodMs: MINUTE_MS };
  }
  return undefined;
}

function isOver(bound: number | undefined, used: number, coming: number): boolean {
  // Negated so that a count that is no number refuses.
  return bound !== undefined && coming !== 0 && !(used + coming <= bound);
}
