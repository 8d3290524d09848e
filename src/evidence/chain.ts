// The chain of evidence: lines made, and checked again by whoever has the file and nothing else.
import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { GENESIS_HASH, readLine } from '../audit/record-line.ts';
import { IronError } from '../platform/errors.ts';
import { safeJson } from '../platform/safe-json.ts';
import type { TimedEntry } from './entry.ts';

export interface EvidenceChain {
  /** One line with its newline. `redact`: what takes secrets out of the text before the hash is taken over it. */
  line(entry: TimedEntry): string;
}

/** Lines can be shown in a terminal as they are. */
export function createChain(redact: (json: string) => string): EvidenceChain {
  let seq = 0;
  let prev: string = GENESIS_HASH;
  return {
    line({ timeMs, ...entry }) {
      seq += 1;
      const time = new Date(timeMs).toISOString();
      const text = `${redactedJson({ seq, time, ...entry }, redact).slice(0, -1)},"prev":"${prev}"`;
      prev = hash('sha256', `${text}}`, 'hex');
      return `${text},"hash":"${prev}"}\n`;
    },
  };
}

/** What would be no JSON any more without a secret is left out whole. */
function redactedJson(entry: { seq: number; time: string; kind: string }, redact: (json: string) => string): string {
  const json = redact(safeJson(entry));
  try {
    JSON.parse(json);
    return json;
  } catch {
    const { seq, time, kind } = entry;
    return safeJson({ seq, time, kind, redacted: true });
  }
}

export type EvidenceCheck =
  | {
      ok: true;
      /** Of the file. */
      records: number;
      /** Those of the audit among them, each bound to the one before it. */
      auditRecords: number;
      cage: string;
      runs: readonly string[];
      head: string;
    }
  | { ok: false; line: number; reason: string };

/** Checks a file by itself. Throws E_IO where it cannot be read. */
export async function verifyEvidence(path: string): Promise<EvidenceCheck> {
  try {
    return await checkLines(createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity }));
  } catch (error) {
    throw new IronError('E_IO', {
      message: `the evidence cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'name a file that `ironcage evidence -o FILE` wrote',
      cause: error,
    });
  }
}

/** Lines with or without their newlines. */
export async function checkLines(lines: AsyncIterable<string>): Promise<EvidenceCheck> {
  const check = createCheck();
  let number = 0;
  for await (const line of lines) {
    number += 1;
    const reason = check.next(line.trimEnd());
    if (reason !== undefined) return { ok: false, line: number, reason };
  }
  return check.end(number);
}

interface LineCheck {
  /** Why the line is not in order. */
  next(line: string): string | undefined;
  end(lines: number): EvidenceCheck;
}

function createCheck(): LineCheck {
  let seq = 0;
  let prev: string = GENESIS_HASH;
  let kind = '';
  let head: { cage: string; runs: readonly string[] } | undefined;
  let audit: { seq: number; hash: string } | undefined;
  let auditRecords = 0;
  return {
    next(line) {
      if (kind === 'seal') return 'something stands behind the end';
      const read = readLine(line);
      if (!read.ok) return read.reason;
      if (read.head.seq !== seq + 1)
        return `the line says ${read.head.seq}, ${seq + 1} was expected: lines are missing`;
      if (read.prev !== prev) return 'the line does not follow the one before it';
      ({ seq, hash: prev } = read.head);
      kind = textOf(read.value, 'kind');
      const data: unknown = Reflect.get(read.value, 'data');
      if (seq === 1) {
        head = headOf(kind, data);
        return head === undefined ? 'the first line does not say what this is evidence of' : undefined;
      }
      if (kind === 'seal' && Reflect.get(Object(data), 'records') !== seq) return 'the end counts other lines';
      if (kind !== 'network') return undefined;
      const record = readLine(JSON.stringify(data));
      if (!record.ok) return `the record of the audit: ${record.reason}`;
      if (audit !== undefined && (record.head.seq !== audit.seq + 1 || record.prev !== audit.hash)) {
        return `the record ${record.head.seq} of the audit does not follow the one before it`;
      }
      audit = record.head;
      auditRecords += 1;
      return undefined;
    },
    end(lines) {
      if (head === undefined) return { ok: false, line: 0, reason: 'the file is empty' };
      if (kind !== 'seal') return { ok: false, line: lines, reason: 'the end is missing: lines were cut off' };
      return { ok: true, records: seq, auditRecords, ...head, head: prev };
    },
  };
}

function headOf(kind: string, data: unknown): { cage: string; runs: readonly string[] } | undefined {
  if (kind !== 'evidence' || typeof data !== 'object' || data === null) return undefined;
  const runs: unknown = Reflect.get(data, 'runs');
  if (Reflect.get(data, 'format') !== 1 || !Array.isArray(runs)) return undefined;
  return { cage: textOf(data, 'cage'), runs: runs.map(String) };
}

function textOf(value: object, name: string): string {
  const text: unknown = Reflect.get(value, name);
  return typeof text === 'string' ? text : '';
}
