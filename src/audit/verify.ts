// Checks the hash chain of a whole log against its checkpoint. What a checkpoint cannot show: that records behind the last one
// were cut off, and that somebody who may write here made log and checkpoint anew.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { checkChain, type ChainFault } from './chain-check.ts';
import { FIRST_CHECKPOINT, readCheckpoint } from './checkpoint.ts';
import { readLines } from './lines.ts';
import { AUDIT_FILE, CHECKPOINT_FILE } from './log-names.ts';
import { readLine } from './record-line.ts';

export type ChainResult =
  | {
      ok: true;
      records: number;
      /** Of the first record that is kept; those before it were rotated away. */
      firstSeq: number;
      /** Hash of the last record. */
      head: string;
      /** The record that the checkpoint names: up to there nothing can have been cut off. */
      checkpoint: number;
    }
  | ChainFault;

const MAX_ATTEMPTS = 5;

export async function verifyChain(directory: string): Promise<ChainResult> {
  for (let attempt = 1; ; attempt += 1) {
    const before = stateOf(directory);
    const result = await verifyOnce(directory);
    // A log that is written and rotated meanwhile: what was found may have been an old checkpoint or half a line.
    if (result.ok || attempt === MAX_ATTEMPTS || stateOf(directory) === before) return result;
  }
}

function stateOf(directory: string): string {
  const stat = statSync(join(directory, AUDIT_FILE), { throwIfNoEntry: false });
  return JSON.stringify([stat?.ino, stat?.size, readCheckpoint(directory)]);
}

async function verifyOnce(directory: string): Promise<ChainResult> {
  // Before the log is opened: it can only have grown since.
  const found = readCheckpoint(directory);
  const checkpoint = typeof found === 'object' ? found : FIRST_CHECKPOINT;
  const check = checkChain(checkpoint);
  let file = AUDIT_FILE;
  /** A gap: whether its record comes later decides what to call it. */
  let gap: ChainFault | undefined;
  let records = 0;
  for await (const line of readLines(directory)) {
    if (gap !== undefined) {
      if (seqOf(line.text) === gap.seq) return { ...gap, kind: 'order', reason: `${gap.reason}, which comes later` };
      continue;
    }
    file = line.file;
    const fault = check.next(line);
    if (fault?.kind === 'missing') gap = fault;
    else if (fault !== undefined) return fault;
    records += 1;
  }
  if (gap !== undefined) return gap;
  if (found === 'broken') return checkpointFault('the checkpoint cannot be read');
  if (found === 'none' && records > 0) return checkpointFault('there is no checkpoint beside the log');
  const firstSeq = check.firstSeq();
  return check.end(file) ?? { ok: true, records, firstSeq, head: check.head().hash, checkpoint: checkpoint.seq };
}

function checkpointFault(reason: string): ChainFault {
  return { ok: false, kind: 'checkpoint', file: CHECKPOINT_FILE, line: 1, seq: 0, reason };
}

function seqOf(text: string | undefined): number | undefined {
  const read = text === undefined ? undefined : readLine(text);
  return read?.ok === true ? read.head.seq : undefined;
}
