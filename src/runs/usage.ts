// What a run has used, summed up from what its agent says of it.
import type { AgentEvent } from '../agents/events.ts';
import type { RunRecord } from './run-record.ts';

export type Usage = Pick<RunRecord, 'costUsd' | 'inputTokens' | 'outputTokens' | 'session'>;
export type Counted = NonNullable<RunRecord['session']>;

const NOTHING: Counted = { costUsd: null, inputTokens: 0, outputTokens: 0 };
export const NO_RUN_USAGE: Usage = { ...NOTHING, session: null };

/**
 * A total takes the place of all steps before it; one of a whole session less what the session had used `before` this run. Whoever is in
 * the cage can write a line between the agent's: no sum ever falls, and numbers that are none of a use count for nothing.
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
      return { ...most(usage, told), session: usage.session };
    case 'session':
      return {
        ...most(usage, less(told, before ?? NOTHING)),
        session: most(usage.session ?? NOTHING, told),
      };
    default:
      throw new Error(`no such scope: ${String(event.scope satisfies never)}`);
  }
}

/** A session that has used less than it had before was begun anew, or its past was made up: then all of it counts. */
function less(all: Counted, before: Counted): Counted {
  return {
    costUsd: all.costUsd === null ? null : grown(all.costUsd, before.costUsd ?? 0),
    inputTokens: grown(all.inputTokens, before.inputTokens),
    outputTokens: grown(all.outputTokens, before.outputTokens),
  };
}

function grown(whole: number, past: number): number {
  return whole < past ? whole : whole - past;
}

/** A price that is not told does not make untrue what was said of it before. */
function most(one: Counted, other: Counted): Counted {
  return {
    costUsd: one.costUsd === null ? other.costUsd : Math.max(one.costUsd, other.costUsd ?? 0),
    inputTokens: Math.max(one.inputTokens, other.inputTokens),
    outputTokens: Math.max(one.outputTokens, other.outputTokens),
  };
}

function counted(value: number): number {
  return Number.isFinite(value) && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER / 2) : 0;
}
