// Whether a run, or all runs of its cage together, have used what they may.
import type { Budget } from '../cage/budget-schema.ts';
import { formatSize } from '../policy/quantities.ts';
import type { RunReason, RunRecord } from './run-record.ts';

/** In what budgets are given: no agent takes nothing for an amount. */
const SMALLEST_USD = 0.0001;

export interface Used {
  costUsd: number;
  tokens: number;
  timeMs: number;
  bytes: number;
}

export function usedBy(record: RunRecord, nowMs: number): Used {
  const end = record.endedAt === null ? nowMs : Date.parse(record.endedAt);
  return {
    costUsd: record.costUsd ?? 0,
    tokens: record.inputTokens + record.outputTokens,
    timeMs: Math.max(0, end - Date.parse(record.startedAt)),
    bytes: record.bytesOut ?? 0,
  };
}

export function sumOf(parts: readonly Used[]): Used {
  const sum: Used = { costUsd: 0, tokens: 0, timeMs: 0, bytes: 0 };
  for (const part of parts) {
    sum.costUsd += part.costUsd;
    sum.tokens += part.tokens;
    sum.timeMs += part.timeMs;
    sum.bytes += part.bytes;
  }
  return sum;
}

/** Why it has to end; undefined while it may go on. `whose`: `the run`, or `all runs of the cage`. */
export function exceeded(budget: Budget, used: Used, whose: string): RunReason | undefined {
  const { costUsd, tokens, timeMs, bytes } = budget;
  if (costUsd !== undefined && used.costUsd >= costUsd) {
    return reason('budget-cost', `${whose} cost ${used.costUsd.toFixed(2)} of ${costUsd.toFixed(2)} US dollars`);
  }
  if (tokens !== undefined && used.tokens >= tokens) {
    return reason('budget-tokens', `${whose} used ${used.tokens} of ${tokens} tokens`);
  }
  if (timeMs !== undefined && used.timeMs >= timeMs) {
    return reason('budget-time', `${whose} took ${seconds(used.timeMs)} of ${seconds(timeMs)} seconds`);
  }
  if (bytes !== undefined && used.bytes >= bytes) {
    return reason('budget-bytes', `${whose} sent ${used.bytes} bytes of ${formatSize(bytes)}`);
  }
  return undefined;
}

/** What a run may cost at most, by its own budget and by what the other runs have left of its cage's; undefined: no bound. */
export function costLeft(own: Budget, ofCage: Budget, usedUsd: number): number | undefined {
  const bounds = [own.costUsd, ofCage.costUsd === undefined ? undefined : ofCage.costUsd - usedUsd];
  const known = bounds.filter((bound) => bound !== undefined);
  if (known.length === 0) return undefined;
  return Math.max(SMALLEST_USD, Number(Math.min(...known).toFixed(4)));
}

function reason(code: RunReason['code'], what: string): RunReason {
  return { code, message: `the budget is used up: ${what}` };
}

function seconds(timeMs: number): number {
  return Math.round(timeMs / 1000);
}
