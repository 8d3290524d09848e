// Checks the hash chain of a whole log: every line is its own, stands where it says, and follows the one before. A log whose
// last lines were cut off at a line's end still verifies; only the head, kept elsewhere, would show that.
import { readLines } from './lines.ts';
import { EMPTY_CHAIN, readLine } from './record-line.ts';

export type ChainCheck = { ok: true; records: number; head: string } | { ok: false; line: number; reason: string };

export async function verifyChain(directory: string): Promise<ChainCheck> {
  let head = EMPTY_CHAIN;
  for await (const line of readLines(directory)) {
    const fault = (reason: string): ChainCheck => ({ ok: false, line: line.number, reason });
    if (line.text === undefined) return fault('the line is longer than any record');
    if (!line.isWhole) return fault('the line was not written to its end');
    const read = readLine(line.text);
    if (!read.ok) return fault(read.reason);
    if (read.head.seq !== head.seq + 1) return fault(`seq is ${read.head.seq}, expected ${head.seq + 1}`);
    if (read.prev !== head.hash) return fault('the record does not follow the one before it');
    head = read.head;
  }
  return { ok: true, records: head.seq, head: head.hash };
}
