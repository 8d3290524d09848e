// The audit log as lines, over all of its files, with bounded memory whatever they hold. It reads; it does not judge.
import type { FileHandle } from 'node:fs/promises';
import { openLog, type LogPart } from './log-parts.ts';
import { MAX_LINE_BYTES } from './record-line.ts';

export interface AuditLine {
  /** The name of its file. */
  file: string;
  /** In that file: 1, 2, 3 … */
  number: number;
  /** The seq that its file begins with. */
  fileFirstSeq: number;
  /** Without its newline; undefined when it is longer than any record may be, and then nothing follows. */
  text: string | undefined;
  /** Position in its file of the byte behind the newline. */
  end: number;
  /** False for text behind the last newline of a file: a line that is being written, or was torn. */
  isWhole: boolean;
  /** In the newest file there is: only there a line can be in the middle of being written. */
  isNewest: boolean;
}

/** Up to where a log was read: a file by its first seq, and a place in it. */
export interface LogPlace {
  firstSeq: number;
  end: number;
  number: number;
}

export const LOG_START: LogPlace = { firstSeq: 0, end: 0, number: 0 };

const CHUNK_BYTES = 256 * 1024;

/** The lines behind `after`. A missing log has none. */
export async function* readLines(directory: string, after: LogPlace = LOG_START): AsyncGenerator<AuditLine> {
  const parts = await openLog(directory, after.firstSeq);
  try {
    for (const [index, part] of parts.entries()) {
      const from = part.firstSeq === after.firstSeq ? after : LOG_START;
      for await (const line of linesOf(part, from)) {
        yield { ...line, isNewest: index === parts.length - 1 };
        if (line.text === undefined) return;
      }
    }
  } finally {
    for (const { handle } of parts) await handle.close();
  }
}

async function* linesOf(
  { handle, file, firstSeq: fileFirstSeq }: LogPart,
  from: LogPlace,
): AsyncGenerator<Omit<AuditLine, 'isNewest'>> {
  let { end, number } = from;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunksOf(handle, from.end)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let newline = bytes.indexOf(0x0a); newline >= 0; newline = bytes.indexOf(0x0a, start)) {
      number += 1;
      end += newline + 1 - start;
      const text = newline - start < MAX_LINE_BYTES ? bytes.toString('utf8', start, newline) : undefined;
      yield { file, fileFirstSeq, number, text, end, isWhole: true };
      start = newline + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > MAX_LINE_BYTES) break;
  }
  if (rest.length === 0) return;
  const text = rest.length > MAX_LINE_BYTES ? undefined : rest.toString('utf8');
  yield { file, fileFirstSeq, number: number + 1, text, end: end + rest.length, isWhole: false };
}

async function* chunksOf(handle: FileHandle, position: number): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let readFrom = position; ;) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, readFrom);
    if (bytesRead === 0) return;
    readFrom += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
