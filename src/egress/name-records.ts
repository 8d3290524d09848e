// Puts the names that a cage looks up on record: each once a minute, and no more of them than people read. A lookup leads
// nowhere by itself, so that an answer never waits for its record.
import { matchesHost } from '../policy/hosts.ts';
import type { Policy, Rule } from '../policy/types.ts';
import type { Journal } from './journal.ts';

interface NameRecords {
  /** `host`: normalised. Never throws. */
  readonly asked: (host: string, type: string) => void;
  /** Writes what is still to be told. */
  close(): Promise<void>;
}

interface NameRecordsOptions {
  journal: Pick<Journal, 'name' | 'control'>;
  policy: () => Policy;
  /** Milliseconds since 1970. */
  now: () => number;
  maxPerMinute?: number;
}

const MAX_PER_MINUTE = 600;
const MINUTE_MS = 60_000;

export function createNameRecords({
  journal,
  policy,
  now,
  maxPerMinute = MAX_PER_MINUTE,
}: NameRecordsOptions): NameRecords {
  let minute = 0;
  const recorded = new Set<string>();
  let leftOut = 0;

  async function tellLeftOut(): Promise<void> {
    if (leftOut === 0) return;
    const detail = `lookups of names left out: ${leftOut}, beyond ${maxPerMinute} names a minute`;
    leftOut = 0;
    await journal.control('<egress>', detail);
  }

  return {
    asked(host, type) {
      const present = Math.floor(now() / MINUTE_MS);
      if (present !== minute) {
        minute = present;
        recorded.clear();
        void tellLeftOut();
      }
      if (recorded.has(host)) return;
      if (recorded.size >= maxPerMinute) {
        leftOut += 1;
        return;
      }
      recorded.add(host);
      void journal.name({ host, type, ...judgeName(policy(), host) });
    },
    close: tellLeftOut,
  };
}

/** Whether any request to a host could pass: what the record of its lookup says, which decides nothing. */
function judgeName({ mode, rules }: Policy, host: string): { decision: 'allow' | 'deny'; rule: string } {
  if (mode === 'none') return { decision: 'deny', rule: '<none>' };
  const speaking = rules.filter((rule) => matchesHost(rule.host, host));
  const denial = speaking.find((rule) => rule.effect === 'deny' && isWholeHost(rule));
  if (denial !== undefined) return { decision: 'deny', rule: denial.id };
  const allowing = speaking.find(({ effect }) => effect === 'allow');
  if (allowing !== undefined) return { decision: 'allow', rule: allowing.id };
  if (mode === 'learn') return { decision: 'allow', rule: '<learn>' };
  return { decision: 'deny', rule: mode === 'ask' ? '<ask>' : '<default-deny>' };
}

/** A rule for one path or method leaves the rest of its host as it is. */
function isWholeHost({ methods, path, port, scheme }: Rule): boolean {
  return methods === undefined && path === undefined && port === undefined && scheme === undefined;
}
