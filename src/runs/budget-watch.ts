// Holds a run that goes on against its own budget and that of its cage. Bytes are those of the audit record: the cage's own
// word counts for nothing, and several runs of one cage at once count each other's.
import { isRequest } from '../audit/is-request.ts';
import { followAudit, readAudit } from '../audit/read.ts';
import type { Budget } from '../cage/budget-schema.ts';
import type { Context } from '../cage/context.ts';
import type { CageSpec } from '../cage/spec.ts';
import { cagePaths, readSpec } from '../cage/store.ts';
import { errorMessage } from '../platform/errors.ts';
import { exceeded, sumOf, usedBy } from './budget-check.ts';
import type { RunReason, RunRecord } from './run-record.ts';
import { recordedRuns } from './run-store.ts';

export interface BudgetWatch {
  /** There is a budget that somebody has to watch. */
  isBounded: boolean;
  exceeded(record: RunRecord): RunReason | undefined;
  /** Of the cage since the run began; null where nobody counts. */
  bytesOut(): Promise<number | null>;
  close(): void;
}

/** What other runs of the cage have used is looked at so often. */
const OTHERS_MS = 2_000;

export async function watchBudgets(context: Context, { cage, id, startedAt, budget }: RunRecord): Promise<BudgetWatch> {
  let spec: CageSpec | undefined;
  let unreadable: RunReason | undefined;
  try {
    spec = await readSpec(context, cage);
  } catch (error) {
    const message = `the budget of its cage cannot be read: ${errorMessage(error)}`;
    unreadable = { code: 'budget-unreadable', message };
  }
  const ofCage: Budget = spec?.budget ?? {};
  const hasCageBudget = Object.keys(ofCage).length > 0;
  const since = Date.parse(startedAt);
  const directory = cagePaths(context, cage).egress.audit;
  const isCounted = spec !== undefined && spec.net !== 'open';
  const ending = new AbortController();
  let bytes = 0;
  if (isCounted && (budget.bytes !== undefined || ofCage.bytes !== undefined)) {
    countBytes(directory, since, ending.signal, (more) => (bytes += more)).catch((error: unknown) => {
      // What cannot be counted has no budget left.
      bytes = Infinity;
      context.progress(String(error));
    });
  }
  let others = { costUsd: 0, tokens: 0, timeMs: 0, bytes: 0 };
  let lookedAt = -Infinity;
  return {
    isBounded: unreadable !== undefined || hasCageBudget || Object.values(budget).some((limit) => limit !== undefined),
    exceeded(record) {
      // What it may use is not known: nothing.
      if (unreadable !== undefined) return unreadable;
      const now = context.clock.now();
      const own = { ...usedBy(record, now), bytes };
      const reason = exceeded(budget, own, 'the run');
      if (reason !== undefined || !hasCageBudget) return reason;
      if (performance.now() - lookedAt > OTHERS_MS) {
        lookedAt = performance.now();
        const runs = recordedRuns(context, cage).filter((run) => run.id !== id);
        others = sumOf(runs.map((run) => usedBy(run, now)));
      }
      return exceeded(ofCage, sumOf([others, own]), 'all runs of the cage together');
    },
    async bytesOut() {
      if (!isCounted) return null;
      let sum = 0;
      try {
        for await (const record of readAudit(directory, { since })) if (isRequest(record)) sum += record.bytesOut;
      } catch (error) {
        context.progress(String(error));
        return null;
      }
      return sum;
    },
    close: () => ending.abort(),
  };
}

async function countBytes(
  directory: string,
  since: number,
  signal: AbortSignal,
  add: (bytes: number) => void,
): Promise<void> {
  for await (const record of followAudit(directory, signal, { since })) if (isRequest(record)) add(record.bytesOut);
}
