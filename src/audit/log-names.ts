// The names of the files of an audit log. The newest has always the same; an older one is named for its first record, so that
// names tell the order and need never be changed again.

/** The newest file: the one that is written. */
export const AUDIT_FILE = 'audit.jsonl';
export const CHECKPOINT_FILE = 'audit.checkpoint';
export const LOCK_FILE = 'audit.lock';

const SEQ_DIGITS = 16;

export function olderName(firstSeq: number): string {
  return `audit.${String(firstSeq).padStart(SEQ_DIGITS, '0')}.jsonl`;
}

/** Undefined for anything that is not the name of an older file. */
export function firstSeqOf(name: string): number | undefined {
  const [, digits] = /^audit\.(\d{16})\.jsonl$/.exec(name) ?? [];
  const seq = Number(digits);
  return digits !== undefined && Number.isSafeInteger(seq) && seq > 0 ? seq : undefined;
}

/** The older files among the names of a directory, oldest first. */
export function olderNames(names: readonly string[]): string[] {
  return names.filter((name) => firstSeqOf(name) !== undefined).sort();
}
