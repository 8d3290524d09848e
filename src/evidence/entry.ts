// What stands in evidence: one thing that happened, as data. The file is JSON Lines, each line bound to the one before it by its
// hash; the first says what it is evidence of, the last that nothing is missing behind it.
import type { AgentEvent } from '../agents/events.ts';
import type { AuditRecord } from '../audit/record.ts';

/** Text of `agent`, `stderr`, `message` and `commit` stems from inside a cage: hostile, and its word for what it did. */
export type EvidenceEntry =
  | { kind: 'evidence'; data: EvidenceHead }
  | { kind: 'run'; run: string; data: object }
  | { kind: 'prompt'; run: string; data: { text: string } }
  | { kind: 'agent'; run: string; data: AgentEvent }
  | { kind: 'stderr' | 'note'; run: string; data: { text: string } }
  /** A record of the audit as it stands there, with the hash that it has in that chain. */
  | { kind: 'network'; data: AuditRecord }
  | { kind: 'message'; data: object }
  /** Of the cage's repository; the time of its line is the author's word. */
  | { kind: 'commit'; data: { commit: string; author: string; subject: string } }
  | { kind: 'end'; run: string; data: object }
  | { kind: 'seal'; data: { records: number } };

export interface EvidenceHead {
  format: 1;
  /** Version of ironcage that wrote it. */
  ironcage: string;
  cage: string;
  /** Ids of the runs in it. */
  runs: readonly string[];
  /** ISO 8601: what happened from then on, and before then. */
  from: string;
  to: string;
  /** How the audit of the cage stood when this was written. */
  audit: { ok: boolean; records: number; head: string; reason: string };
  /** SHA-256, hex, of what each agent wrote, as it was recorded. */
  streams: Readonly<Record<string, string>>;
}

/** With the moment by the host's clock, in milliseconds since the epoch. */
export type TimedEntry = EvidenceEntry & { timeMs: number };
