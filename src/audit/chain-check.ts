// Checks a hash chain line by line: every line is its own, stands where it says, and follows the one before. Pure; it names
// what is wrong, and where, as exactly as the lines allow.
import type { Checkpoint } from './checkpoint.ts';
import type { AuditLine } from './lines.ts';
import { EMPTY_CHAIN, readLine, type ChainHead } from './record-line.ts';

export type FaultKind =
  /** A line that is no record, not its own any more, or of another chain. */
  | 'changed'
  /** Records between two others, or all of the first ones. */
  | 'missing'
  /** A record that comes before one with a smaller seq. */
  | 'order'
  | 'repeated'
  /** A line without its end. */
  | 'torn'
  /** The last records. */
  | 'cut'
  /** The checkpoint itself. */
  | 'checkpoint';

export interface ChainFault {
  ok: false;
  kind: FaultKind;
  /** Where it shows: a file of the log, a line in it (0 for the file itself), and the seq that should stand there. */
  file: string;
  line: number;
  seq: number;
  reason: string;
}

export interface ChainCheck {
  /** Undefined: the line is in order. */
  next(line: Pick<AuditLine, 'file' | 'number' | 'fileFirstSeq' | 'text' | 'isWhole'>): ChainFault | undefined;
  /** After the last line: what should have come. */
  end(lastFile: string): ChainFault | undefined;
  /** The first record that was seen, and the last. */
  firstSeq(): number;
  head(): ChainHead;
}

export function checkChain(checkpoint: Checkpoint): ChainCheck {
  let head: ChainHead | undefined;
  let { firstSeq } = checkpoint;

  function begins(seq: number, prev: string): string | undefined {
    // Older files may be there still: a checkpoint comes before the removal that it speaks of.
    if (seq < checkpoint.firstSeq) return undefined;
    if (seq > checkpoint.firstSeq)
      return `the log begins with ${seq}: ${checkpoint.firstSeq} and what follows is missing`;
    return prev === checkpoint.firstPrev
      ? undefined
      : 'the record does not follow the one before the beginning of the log';
  }

  return {
    next({ file, number, fileFirstSeq, text, isWhole }) {
      const expected = head === undefined ? checkpoint.firstSeq : head.seq + 1;
      const fault = (kind: FaultKind, reason: string): ChainFault => {
        return { ok: false, kind, file, line: number, seq: expected, reason };
      };
      if (text === undefined) return fault('changed', 'the line is longer than any record');
      if (!isWhole) return fault('torn', 'the line was not written to its end');
      const read = readLine(text);
      if (!read.ok) return fault('changed', read.reason);
      const { seq, hash } = read.head;
      if (head === undefined) {
        const reason = begins(seq, read.prev);
        if (reason !== undefined) return fault(seq > expected ? 'missing' : 'changed', reason);
        firstSeq = seq;
      } else if (seq > expected) {
        return fault('missing', `seq is ${seq}, expected ${expected}`);
      } else if (seq < expected) {
        return fault('repeated', `the record ${seq} stands a second time; ${expected} was expected`);
      } else if (read.prev !== head.hash) {
        return fault('changed', 'the record does not follow the one before it');
      }
      if (number === 1 && fileFirstSeq !== seq) {
        return fault('order', `the file is named for ${fileFirstSeq} and begins with ${seq}`);
      }
      if (seq === checkpoint.seq && hash !== checkpoint.hash) {
        return fault('checkpoint', `the record ${seq} is not the one that the checkpoint names`);
      }
      head = read.head;
      return undefined;
    },
    end(file) {
      const seq = head?.seq ?? checkpoint.firstSeq - 1;
      if (seq >= checkpoint.seq) return undefined;
      const reason = `the log ends with ${seq}, and the checkpoint names ${checkpoint.seq}: the last records were cut off`;
      return { ok: false, kind: 'cut', file, line: 0, seq: seq + 1, reason };
    },
    firstSeq: () => firstSeq,
    head: () => head ?? EMPTY_CHAIN,
  };
}
