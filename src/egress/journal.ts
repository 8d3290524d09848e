// What the egress writes into the audit: a decision before anything is done about it, an end once it is over. A decision
// that cannot be written is a refusal; nothing here knows a secret's value.
import type { AuditEntry, AuditRecord } from '../audit/record.ts';
import type { InspectorNote } from '../policy/types.ts';
import { Refusal } from './refusal.ts';

/** The part of the audit writer that is needed here. */
export interface AuditSink {
  append(entry: AuditEntry): Promise<AuditRecord>;
  close(): Promise<void>;
}

/** What was asked for, as far as it is known. */
export interface Asked {
  protocol: 'http' | 'websocket' | 'tcp';
  method: string;
  host: string;
  port: number;
  path: string;
}

/** A name that the cage looked up. */
export interface AskedName {
  host: string;
  /** Of the query: A, AAAA, TXT … */
  type: string;
  decision: 'allow' | 'deny';
  rule: string;
}

/** What happened to the egress itself. */
type ControlEvent = '<egress>' | '<policy>';

interface Ending {
  status: number;
  outcome: 'complete' | 'aborted' | 'refused' | 'upstream-error';
  detail: string;
  bytesOut: number;
  bytesIn: number;
  /** The built-in rule that refused what the policy had allowed. */
  refusedBy?: string | undefined;
  /** What was found while the body went by. */
  notes?: readonly InspectorNote[];
}

export interface Journal {
  /** Resolves once the decision is on disk. Throws a Refusal (503) when it cannot be written. */
  allow(
    asked: Asked,
    rule: string,
    inspectors: readonly InspectorNote[],
    secrets: readonly string[],
  ): Promise<AuditRecord>;
  /** Never rejects: what is refused stays refused, written or not. */
  deny(asked: Asked, rule: string, inspectors: readonly InspectorNote[]): Promise<void>;
  /** Resolves once it is on disk that somebody is asked. Throws a Refusal (503) when it cannot be written. */
  ask(asked: Asked, rule: string, inspectors: readonly InspectorNote[]): Promise<void>;
  /** Never rejects; need not be waited for. */
  end(decision: AuditRecord, ending: Ending): Promise<void>;
  /** Never rejects: a name leads nowhere without a request, which has a record of its own. It has no end. */
  name(asked: AskedName): Promise<void>;
  /** Never rejects: what happened has happened. */
  control(event: ControlEvent, detail: string): Promise<void>;
  /** Waits for what is still being written, and closes the audit. */
  close(): Promise<void>;
}

/** A path is evidence, but the cage decides how long it is. */
const MAX_PATH_CHARACTERS = 8192;

/** What takes the values of secrets out of what a cage has chosen, should one ever stand in it. */
export interface Redaction {
  /** Of a path, and of what is said about a request. */
  readonly text: (value: string) => string;
  /** Of a name, which is written in lower case whatever the cage wrote. */
  readonly name: (value: string) => string;
}

export function createJournal(sink: AuditSink, redaction: Redaction): Journal {
  const unfinished = new Set<Promise<unknown>>();

  function append(entry: AuditEntry): Promise<AuditRecord> {
    const written = sink.append(redactedEntry(entry, redaction));
    unfinished.add(written);
    const done = () => void unfinished.delete(written);
    written.then(done, done);
    return written;
  }

  async function appendOrRefuse(entry: AuditEntry): Promise<AuditRecord> {
    try {
      return await append(entry);
    } catch {
      throw new Refusal({
        status: 503,
        rule: '<audit>',
        reason: 'the audit record could not be written, so nothing was sent',
        remedy: 'ironcage doctor',
      });
    }
  }

  return {
    allow: (asked, rule, inspectors, secrets) =>
      appendOrRefuse({ ...entryOf(asked), decision: 'allow', rule, inspectors, secrets }),
    async ask(asked, rule, inspectors) {
      await appendOrRefuse({ ...entryOf(asked), decision: 'ask', rule, inspectors, secrets: [] });
    },
    async deny(asked, rule, inspectors) {
      try {
        await append({ ...entryOf(asked), decision: 'deny', rule, inspectors, secrets: [] });
      } catch {
        // The refusal stands without its record.
      }
    },
    async end(decision, ending) {
      const { status, outcome, detail, bytesIn, bytesOut } = ending;
      const { direction, protocol, method, host, port, path, inspectors, secrets } = decision;
      try {
        await append({
          direction,
          protocol,
          method,
          host,
          port,
          path,
          inspectors:
            ending.notes === undefined || ending.notes.length === 0 ? inspectors : [...inspectors, ...ending.notes],
          secrets,
          bytesIn,
          bytesOut,
          decision: ending.refusedBy === undefined ? decision.decision : 'deny',
          rule: ending.refusedBy ?? decision.rule,
          end: { of: decision.seq, status, outcome, detail },
        });
      } catch {
        // The next decision will find the audit broken and refuse.
      }
    },
    async name({ host, type, decision, rule }) {
      const asked = { protocol: 'dns' as const, method: type, host, port: 53, path: '' };
      try {
        await append({ ...entryOf(asked), decision, rule, inspectors: [], secrets: [] });
      } catch {
        // The next decision will find the audit broken and refuse.
      }
    },
    async control(event, detail) {
      const about = { protocol: 'control' as const, method: '', host: '', port: 0, path: detail };
      try {
        await append({ ...entryOf(about), decision: 'allow', rule: event, inspectors: [], secrets: [] });
      } catch {
        // The next decision will find the audit broken and refuse.
      }
    },
    async close() {
      await Promise.allSettled(unfinished);
      await sink.close();
    },
  };
}

/** The end of an exchange repeats what its decision says: taken out once, it is not there a second time. */
function redactedEntry(entry: AuditEntry, { text, name }: Redaction): AuditEntry {
  const { host, path, inspectors, end } = entry;
  const whole = text(path);
  const cut = whole.length > MAX_PATH_CHARACTERS && entry.end === undefined;
  return {
    ...entry,
    host: name(host),
    path: cut ? `${whole.slice(0, MAX_PATH_CHARACTERS)}…(${whole.length} characters)` : whole,
    inspectors: inspectors.map((note) => ({ ...note, reason: text(note.reason) })),
    ...(end === undefined ? {} : { end: { ...end, detail: text(end.detail) } }),
  };
}

function entryOf<P extends AuditEntry['protocol']>(asked: Omit<Asked, 'protocol'> & { protocol: P }) {
  const { protocol, method, host, port, path } = asked;
  return { direction: 'outbound' as const, protocol, method, host, port, path, bytesOut: 0, bytesIn: 0 };
}
