// Where a log stands when a writer opens it. Only its ends are read: a check of the whole chain is `audit --verify`. A whole
// line that does not hold is no crash of ours: somebody changed it, and writing on would bury that.
import { IronError } from '../platform/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { LogDirectory } from './log-directory.ts';
import type { LogFile } from './log-file.ts';
import { EMPTY_CHAIN, GENESIS_HASH, MAX_LINE_BYTES, readLine, type ChainHead } from './record-line.ts';

export interface FileTail {
  size: number;
  /** Of the last whole line; what stands behind it was torn off while it was written. */
  end: number;
  /** Of that line; undefined without any. */
  head: ChainHead | undefined;
}

export async function readTail(file: LogFile): Promise<FileTail> {
  const size = await file.size();
  // Long enough for a torn line behind a whole one.
  const start = Math.max(0, size - 2 * MAX_LINE_BYTES);
  const bytes = await file.read(start, size - start);
  const newline = bytes.lastIndexOf(0x0a);
  if (newline < 0) {
    if (start > 0) throw brokenLog('its last line is longer than any record');
    return { size, end: 0, head: undefined };
  }
  const before = newline === 0 ? -1 : bytes.lastIndexOf(0x0a, newline - 1);
  if (before < 0 && start > 0) throw brokenLog('its last line is longer than any record');
  const line = readLine(bytes.toString('utf8', before + 1, newline));
  if (!line.ok) throw brokenLog(line.reason);
  return { size, end: start + newline + 1, head: line.head };
}

/** The first record of a file, and the hash of the one before it; undefined for a file without a whole line. */
export async function readStart(file: LogFile): Promise<{ seq: number; prev: string } | undefined> {
  const bytes = await file.read(0, MAX_LINE_BYTES);
  const newline = bytes.indexOf(0x0a);
  if (newline < 0) return undefined;
  const line = readLine(bytes.toString('utf8', 0, newline));
  if (!line.ok) throw brokenLog(line.reason);
  return { seq: line.head.seq, prev: line.prev };
}

/** The head of the chain before the newest file: the last record of the newest of the older ones. */
export async function headOfOlder(log: LogDirectory): Promise<ChainHead> {
  const name = log.older().at(-1);
  if (name === undefined) return EMPTY_CHAIN;
  const { size, end, head } = await withFile(log, name, readTail);
  if (head === undefined || end !== size) throw brokenLog(`${name} does not end with a whole record`);
  return head;
}

/** Where the log begins, as far as its files say. */
export async function startOfLog(log: LogDirectory, newest: LogFile): Promise<{ seq: number; prev: string }> {
  const name = log.older()[0];
  const start = name === undefined ? await readStart(newest) : await withFile(log, name, readStart);
  return start ?? { seq: 1, prev: GENESIS_HASH };
}

export async function withFile<T>(log: LogDirectory, name: string, work: (file: LogFile) => Promise<T>): Promise<T> {
  const file = await log.openOlder(name);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** Throws where records that a checkpoint names are not in the log any more. */
export function refuseCut(head: ChainHead, checkpoint: Checkpoint): void {
  if (head.seq < checkpoint.seq) {
    throw brokenLog(`its last records were cut off: it ends with ${head.seq}, and ${checkpoint.seq} was written`);
  }
  if (head.seq === checkpoint.seq && head.hash !== checkpoint.hash) {
    throw brokenLog('its last record is not the one that was written');
  }
}

function brokenLog(reason: string): IronError {
  return new IronError('E_STATE_BROKEN', {
    // In one line: the egress that says this has only one to say.
    message: `the audit log of this cage cannot be continued: ${reason}`,
    hint: 'look at it with `ironcage audit --verify`, keep a copy, and move its files (audit.*) away to start a new one',
  });
}
