// Pure views on records: exchanges with their end filled in, and counts. No file is touched here.
import type { AuditRecord } from './record.ts';

/** Decision records in order, each with the byte counts and the `end` of the record that closed it. */
export function mergeEnds(records: Iterable<AuditRecord>): AuditRecord[] {
  const merged = new Map<number, AuditRecord>();
  for (const record of records) {
    const { end } = record;
    if (end === undefined) {
      merged.set(record.seq, record);
      continue;
    }
    const decision = merged.get(end.of);
    // A filter may have left the decision out.
    if (decision === undefined) continue;
    merged.set(end.of, { ...decision, bytesOut: record.bytesOut, bytesIn: record.bytesIn, end });
  }
  return [...merged.values()];
}

export interface DecisionCounts {
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

/** Counts decisions; `end` and `control` records are none. */
export function summarise(records: Iterable<AuditRecord>): AuditSummary {
  const decisions = noCounts();
  const hosts = new Map<string, DecisionCounts>();
  const rules = new Map<string, DecisionCounts>();
  for (const record of mergeEnds(records)) {
    if (record.protocol === 'control') continue;
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
