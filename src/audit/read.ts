// Reads the audit log back, as a stream: filtered, or live. A line that is no record is an error with its number; it is never skipped.
import { watch } from 'node:fs';
import { IronError } from '../platform/errors.ts';
import { matchesHost } from '../policy/hosts.ts';
import { LOG_START, readLines, type AuditLine } from './lines.ts';
import { auditRecordSchema } from './record-schema.ts';
import type { AuditRecord } from './record.ts';

export interface AuditFilter {
  /** Milliseconds since the epoch; older records are left out. */
  since?: number | undefined;
  /** The same; records of that moment and later ones are left out. */
  until?: number | undefined;
  /** One of them must fit, as with all that follows. None: all fit. */
  decisions?: readonly AuditRecord['decision'][] | undefined;
  protocols?: readonly AuditRecord['protocol'][] | undefined;
  /** Each a host, `*.host` or `**.host`. */
  hosts?: readonly string[] | undefined;
  /** In any case. */
  methods?: readonly string[] | undefined;
  /** Ids of rules; with a `*` at the end, what ids begin with. */
  rules?: readonly string[] | undefined;
}

/** The records that fit, oldest first. `end` records stay with the host and decision they close. */
export async function* readAudit(directory: string, filter: AuditFilter = {}): AsyncGenerator<AuditRecord> {
  for await (const line of readLines(directory)) {
    if (isUnfinished(line)) return;
    const record = parseLine(line);
    if (fits(record, filter)) yield record;
  }
}

/** The records so far that fit and then each new one, until `signal` aborts. */
export async function* followAudit(
  directory: string,
  signal: AbortSignal,
  filter: AuditFilter = {},
): AsyncGenerator<AuditRecord> {
  const bell = watchDirectory(directory, signal);
  try {
    let place = LOG_START;
    while (!signal.aborted) {
      bell.reset();
      for await (const line of readLines(directory, place)) {
        if (signal.aborted) return;
        if (isUnfinished(line)) break;
        const record = parseLine(line);
        if (fits(record, filter)) yield record;
        place = { firstSeq: line.fileFirstSeq, end: line.end, number: line.number };
      }
      await bell.rung();
    }
  } finally {
    bell.close();
  }
}

/** Whether a record passes the filter. */
export function fits(record: AuditRecord, filter: AuditFilter): boolean {
  const { since, until, decisions, protocols, hosts, methods, rules } = filter;
  return (
    (since === undefined || Date.parse(record.time) >= since) &&
    (until === undefined || Date.parse(record.time) < until) &&
    isOneOf(decisions, (decision) => decision === record.decision) &&
    isOneOf(protocols, (protocol) => protocol === record.protocol) &&
    isOneOf(hosts, (host) => matchesHost(host, record.host)) &&
    isOneOf(methods, (method) => method.toUpperCase() === record.method.toUpperCase()) &&
    isOneOf(rules, (rule) => matchesRule(rule, record.rule))
  );
}

function isOneOf<T>(wanted: readonly T[] | undefined, isFit: (one: T) => boolean): boolean {
  return wanted === undefined || wanted.length === 0 || wanted.some(isFit);
}

/** Ids may hold a `*` themselves. */
function matchesRule(wanted: string, id: string): boolean {
  return wanted === id || (wanted.endsWith('*') && id.startsWith(wanted.slice(0, -1)));
}

/** What stands behind the last newline is being written at this moment, or was torn and is cut at the next start. */
function isUnfinished({ isWhole, isNewest, text }: AuditLine): boolean {
  return !isWhole && isNewest && text !== undefined;
}

function parseLine(line: AuditLine): AuditRecord {
  if (line.text === undefined) throw brokenLine(line, 'it is longer than any record');
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch {
    throw brokenLine(line, 'it is not JSON');
  }
  const parsed = auditRecordSchema.safeParse(value);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join('.') ?? '';
    throw brokenLine(line, `it is not an audit record (${field === '' ? 'unknown fields' : field})`);
  }
  return parsed.data;
}

function brokenLine({ file, number }: AuditLine, because: string): IronError {
  return new IronError('E_STATE_BROKEN', {
    message: `line ${number} of ${file} cannot be read`,
    because,
    hint: 'check the log with `ironcage audit --verify`',
    details: { file, line: number },
  });
}

interface Bell {
  reset(): void;
  /** Resolves when something happened in the directory since the last reset, or the signal aborted. */
  rung(): Promise<void>;
  close(): void;
}

function watchDirectory(directory: string, signal: AbortSignal): Bell {
  let hasRung = false;
  let wake: (() => void) | undefined;
  const ring = (): void => {
    hasRung = true;
    wake?.();
  };
  const watcher = watch(directory, ring);
  // A directory that goes away wakes the reader, which then finds no file.
  watcher.on('error', ring);
  signal.addEventListener('abort', ring);
  return {
    reset: () => {
      hasRung = false;
    },
    rung: () =>
      new Promise((resolve) => {
        wake = resolve;
        if (hasRung || signal.aborted) resolve();
      }),
    close: () => {
      watcher.close();
      signal.removeEventListener('abort', ring);
    },
  };
}
