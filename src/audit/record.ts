// The audit record: what `audit --json` prints, one JSON object a line, each bound to the one before by its hash.
import type { InspectorNote } from '../policy/types.ts';

export interface AuditRecord {
  /** 1, 2, 3 … without gaps. */
  seq: number;
  /** ISO 8601 with milliseconds, UTC. */
  time: string;
  cage: string;
  direction: 'outbound' | 'inbound';
  protocol: 'http' | 'websocket' | 'dns' | 'tcp' | 'control';
  method: string;
  host: string;
  port: number;
  /** Canonical path with the query; secrets never appear in it. */
  path: string;
  decision: 'allow' | 'deny' | 'ask';
  rule: string;
  inspectors: readonly InspectorNote[];
  /** Body bytes towards the network; 0 on the record of the decision, final on its `end` record. */
  bytesOut: number;
  bytesIn: number;
  /** Names (never values) of the secrets put into this request. */
  secrets: readonly string[];
  /** Only on the record that closes an exchange: the seq of its decision, and how it ended. */
  end?:
    | { of: number; status: number; outcome: 'complete' | 'aborted' | 'refused' | 'upstream-error'; detail: string }
    | undefined;
  /** Hash of the record before this one; 64 zeros on the first. */
  prev: string;
  /** SHA-256, hex, of the record's JSON without `hash`. */
  hash: string;
}

/** What a writer is given; it adds seq, time, cage and the chain. */
export type AuditEntry = Omit<AuditRecord, 'seq' | 'time' | 'cage' | 'prev' | 'hash'>;
