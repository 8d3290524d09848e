// Counts over records, for people: how much was allowed and refused, where to, by which rule, and with which secrets.
import { isRequest } from './is-request.ts';
import type { AuditRecord } from './record.ts';

interface AuditCounts {
  allow: number;
  deny: number;
  ask: number;
  /** Of bodies, towards the network and back. */
  bytesOut: number;
  bytesIn: number;
}

export interface AuditSummary {
  /** Requests; names that were looked up and events of the egress are none. */
  total: number;
  decisions: { allow: number; deny: number; ask: number };
  bytesOut: number;
  bytesIn: number;
  /** Most requests first, then by name. */
  hosts: readonly ({ host: string; secrets: readonly string[] } & AuditCounts)[];
  rules: readonly ({ rule: string } & AuditCounts)[];
  /** Names of secrets, with the requests that they were put into. */
  secrets: readonly { secret: string; requests: number; hosts: readonly string[] }[];
}

/** Counts decisions, merged or not; an `end` record by itself is none, and only its bytes count. */
export async function summarise(records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>): Promise<AuditSummary> {
  const all = noCounts();
  const hosts = new Map<string, AuditCounts>();
  const rules = new Map<string, AuditCounts>();
  const secrets = new Map<string, { requests: number; hosts: Set<string> }>();
  for await (const record of records) {
    if (!isRequest(record)) continue;
    const { decision, host, rule, bytesOut, bytesIn } = record;
    const isDecision = record.end === undefined || record.end.of === record.seq;
    for (const counts of [all, entryOf(hosts, host, noCounts), entryOf(rules, rule, noCounts)]) {
      if (isDecision) counts[decision] += 1;
      counts.bytesOut += bytesOut;
      counts.bytesIn += bytesIn;
    }
    if (!isDecision) continue;
    for (const secret of record.secrets) {
      const uses = entryOf(secrets, secret, () => ({ requests: 0, hosts: new Set<string>() }));
      uses.requests += 1;
      uses.hosts.add(host);
    }
  }
  const { bytesOut, bytesIn, ...decisions } = all;
  const usedAt = (host: string) => [...secrets].filter(([, uses]) => uses.hosts.has(host)).map(([secret]) => secret);
  return {
    ...{ total: sum(all), decisions, bytesOut, bytesIn },
    hosts: ranked(hosts, sum).map(([host, counts]) => ({ host, ...counts, secrets: usedAt(host).sort() })),
    rules: ranked(rules, sum).map(([rule, counts]) => ({ rule, ...counts })),
    secrets: ranked(secrets, ({ requests }) => requests).map(([secret, uses]) => {
      return { secret, requests: uses.requests, hosts: [...uses.hosts].sort() };
    }),
  };
}

function entryOf<T>(table: Map<string, T>, key: string, create: () => T): T {
  const found = table.get(key);
  if (found !== undefined) return found;
  const created = create();
  table.set(key, created);
  return created;
}

function ranked<T>(table: ReadonlyMap<string, T>, weight: (value: T) => number): [string, T][] {
  return [...table].sort(([a, left], [b, right]) => weight(right) - weight(left) || (a < b ? -1 : 1));
}

function noCounts(): AuditCounts {
  return { allow: 0, deny: 0, ask: 0, bytesOut: 0, bytesIn: 0 };
}

function sum({ allow, deny, ask }: AuditCounts): number {
  return allow + deny + ask;
}
