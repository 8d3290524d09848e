// What a run has used, summed up from what its agent says of it.
import type { AgentEvent } from '../agents/events.ts';
import type { RunRecord } from './run-record.ts';

export type Usage = Pick<RunRecord, 'costUsd' | 'inputTokens' | 'outputTokens' | 'session'>;
export type Counted = NonNullable<RunRecord['session']>;

const NOTHING: Counted = { costUsd: null, inputTokens: 0, outputTokens: 0 };
export const NO_RUN_USAGE: Usage = { ...NOTHING, session: null };

/**
 * A total takes the place of all steps before it; one of a whole session less what the session had used `before` this run. Numbers that
 * are none of a use count for nothing.
 */
export function addUsage(usage: Usage, event: AgentEvent, before: Counted | null): Usage {
  if (event.type !== 'usage') return usage;
  const told: Counted = {
    costUsd: event.costUsd === undefined ? null : counted(event.costUsd),
    inputTokens: counted(event.inputTokens),
    outputTokens: counted(event.outputTokens),
  };
  switch (event.scope) {
    case 'step':
      return {
        costUsd: told.costUsd === null ? usage.costUsd : (usage.costUsd ?? 0) + told.costUsd,
        inputTokens: usage.inputTokens + told.inputTokens,
        outputTokens: usage.outputTokens + told.outputTokens,
        session: usage.session,
      };
    case 'total':
      // A total without a price does not make untrue what was said of it before.
      return { ...told, costUsd: told.costUsd ?? usage.costUsd, session: usage.session };
    case 'session':
      return { ...less(told, before ?? NOTHING), session: told };
    default:
      throw new Error(`no such scope: ${String(event.scope satisfies never)}`);
  }
}

function less(all: Counted, before: Counted): Counted {
  return {
    costUsd: all.costUsd === null ? null : Math.max(0, all.costUsd - (before.costUsd ?? 0)),
    inputTokens: Math.max(0, all.inputTokens - before.inputTokens),
    outputTokens: Math.max(0, all.outputTokens - before.outputTokens),
  };
}

function counted(value: number): number {
  return Number.isFinite(value) && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER / 2) : 0;
}
