// One record as one line of text, and back as far as the chain needs it. The hash covers the line's own bytes, so that a
// check never depends on how a JSON value is printed again. No schema here: the egress starts without it.
import { hash } from 'node:crypto';
import { boundedEntry } from './bounded-entry.ts';
import { recordJson, type RecordPlace } from './record-json.ts';
import type { AuditEntry, AuditRecord } from './record.ts';

/** `prev` of the first record. */
export const GENESIS_HASH = '0'.repeat(64);
/** Of a line with its newline; a record that would be longer is cut, and says so. */
export const MAX_LINE_BYTES = 16 * 1024;

/** Where a chain stands: the seq and the hash of its last record. */
export interface ChainHead {
  seq: number;
  hash: string;
}

export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: GENESIS_HASH };

/** Binds an entry to the chain. `time` in milliseconds since the epoch; the line ends with a newline. */
export function sealRecord(
  entry: AuditEntry,
  place: { cage: string; time: number; head: ChainHead },
): { record: AuditRecord; line: string } {
  const { cage, head } = place;
  const at = { seq: head.seq + 1, time: isoTime(place.time), cage, prev: head.hash };
  let kept = entry;
  let text = recordJson(kept, at);
  if (!isShort(text)) {
    kept = boundedEntry(entry, (cut) => isShort(recordJson(cut, at)));
    text = recordJson(kept, at);
  }
  const digest = hash('sha256', `${text}}`, 'hex');
  return { record: recordOf(kept, at, digest), line: `${text},"hash":"${digest}"}\n` };
}

/** Member by member: spreading makes objects that are slow to make and slow to read. */
function recordOf(entry: AuditEntry, { seq, time, cage, prev }: RecordPlace, digest: string): AuditRecord {
  return {
    seq,
    time,
    cage,
    direction: entry.direction,
    protocol: entry.protocol,
    method: entry.method,
    host: entry.host,
    port: entry.port,
    path: entry.path,
    decision: entry.decision,
    rule: entry.rule,
    inspectors: entry.inspectors,
    bytesOut: entry.bytesOut,
    bytesIn: entry.bytesIn,
    secrets: entry.secrets,
    end: entry.end,
    prev,
    hash: digest,
  };
}

/** Of `,"hash":"…"}` and the newline. */
const SEAL_BYTES = 76;

function isShort(text: string): boolean {
  const bound = MAX_LINE_BYTES - SEAL_BYTES;
  return text.length * 3 <= bound || (text.length <= bound && Buffer.byteLength(text) <= bound);
}

let lastTime = { milliseconds: 0, text: new Date(0).toISOString() };

/** Many records are written within one millisecond. */
function isoTime(milliseconds: number): string {
  if (milliseconds !== lastTime.milliseconds) {
    lastTime = { milliseconds, text: new Date(milliseconds).toISOString() };
  }
  return lastTime.text;
}

export type ReadLine = { ok: true; value: object; head: ChainHead; prev: string } | { ok: false; reason: string };

/** Checks one line (without its newline) by itself: that it is a record and that its hash is its own. */
export function readLine(line: string): ReadLine {
  const [seal = '', hashText] = /,"hash":"([0-9a-f]{64})"\}$/.exec(line) ?? [];
  if (hashText === undefined) return { ok: false, reason: 'the line does not end with a hash' };
  if (hash('sha256', `${line.slice(0, -seal.length)}}`, 'hex') !== hashText) {
    return { ok: false, reason: 'the hash does not fit the record: it was changed' };
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, reason: 'the line is not JSON' };
  }
  if (typeof value !== 'object' || value === null || !('seq' in value) || !('prev' in value)) {
    return { ok: false, reason: 'the line is not an audit record' };
  }
  const { seq, prev } = value;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1 || typeof prev !== 'string') {
    return { ok: false, reason: 'the line is not an audit record' };
  }
  return { ok: true, value, head: { seq, hash: hashText }, prev };
}
