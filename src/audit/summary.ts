// Counts over records, for people: how much was allowed and refused, where to and by which rule.
import { isRequest } from './is-request.ts';
import type { AuditRecord } from './record.ts';

interface DecisionCounts {
  allow: number;
  deny: number;
  ask: number;
}

export interface AuditSummary {
  total: number;
  decisions: DecisionCounts;
  /** Most requests first, then by name. */
  hosts: readonly ({ host: string } & DecisionCounts)[];
  rules: readonly ({ rule: string } & DecisionCounts)[];
}

/** Counts decisions, merged or not; names and events are none, and neither are `end` records by themselves. */
export async function summarise(records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>): Promise<AuditSummary> {
  const decisions = noCounts();
  const hosts = new Map<string, DecisionCounts>();
  const rules = new Map<string, DecisionCounts>();
  for await (const record of records) {
    if (!isRequest(record) || (record.end !== undefined && record.end.of !== record.seq)) continue;
    decisions[record.decision]++;
    countsOf(hosts, record.host)[record.decision]++;
    countsOf(rules, record.rule)[record.decision]++;
  }
  return {
    total: sum(decisions),
    decisions,
    hosts: ranked(hosts).map(([host, counts]) => ({ host, ...counts })),
    rules: ranked(rules).map(([rule, counts]) => ({ rule, ...counts })),
  };
}

function countsOf(table: Map<string, DecisionCounts>, key: string): DecisionCounts {
  const found = table.get(key);
  if (found !== undefined) return found;
  const counts = noCounts();
  table.set(key, counts);
  return counts;
}

function ranked(table: ReadonlyMap<string, DecisionCounts>): [string, DecisionCounts][] {
  return [...table].sort(([a, left], [b, right]) => sum(right) - sum(left) || (a < b ? -1 : 1));
}

function noCounts(): DecisionCounts {
  return { allow: 0, deny: 0, ask: 0 };
}

function sum(counts: DecisionCounts): number {
  return counts.allow + counts.deny + counts.ask;
}
