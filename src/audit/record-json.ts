// The JSON of a record as JSON.stringify writes it, faster: this runs twice for every request that passes. The order of the
// members is part of the format, as the hash is taken over these bytes.
import type { AuditEntry } from './record.ts';

export interface RecordPlace {
  seq: number;
  cage: string;
  /** As it stands in the record. */
  time: string;
  prev: string;
}

/** Without the closing brace: that comes behind the hash. */
export function recordJson(entry: AuditEntry, { seq, cage, time, prev }: RecordPlace): string {
  const { direction, protocol, method, host, port, path, decision, rule, inspectors, bytesOut, bytesIn, secrets, end } =
    entry;
  return (
    `{"seq":${seq},"time":"${time}","cage":${text(cage)},"direction":"${direction}","protocol":"${protocol}"` +
    `,"method":${text(method)},"host":${text(host)},"port":${port},"path":${text(path)}` +
    `,"decision":"${decision}","rule":${text(rule)},"inspectors":${list(inspectors)}` +
    `,"bytesOut":${bytesOut},"bytesIn":${bytesIn},"secrets":${secrets.length === 0 ? '[]' : list(secrets)}` +
    `${end === undefined ? '' : `,"end":${endJson(end)}`},"prev":"${prev}"`
  );
}

/** The same objects are written with the decision and again with its end. */
const written = new WeakMap<object, string>();

function list(members: readonly unknown[]): string {
  const before = written.get(members);
  if (before !== undefined) return before;
  const json = JSON.stringify(members);
  written.set(members, json);
  return json;
}

function endJson({ of, status, outcome, detail }: NonNullable<AuditEntry['end']>): string {
  return `{"of":${of},"status":${status},"outcome":"${outcome}","detail":${text(detail)}}`;
}

/** What JSON writes as it is: everything but quotes, backslashes, control characters and halves of surrogate pairs. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

function text(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}
