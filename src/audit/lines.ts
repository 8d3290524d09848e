// The audit log as lines, with bounded memory whatever the file holds. It reads; it does not judge.
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { AUDIT_FILE, MAX_LINE_BYTES } from './record-line.ts';

export interface AuditLine {
  /** 1, 2, 3 … */
  number: number;
  /** Without its newline; undefined when it is longer than any record may be, and then nothing follows. */
  text: string | undefined;
  /** Position of the byte behind the newline. */
  end: number;
  /** False for text behind the last newline: a line that is being written, or was torn. */
  isWhole: boolean;
}

const CHUNK_BYTES = 256 * 1024;

/** The lines from byte `position`, the first of which has the number `firstNumber`. A missing file has none. */
export async function* readLines(directory: string, position = 0, firstNumber = 1): AsyncGenerator<AuditLine> {
  const handle = await openIfPresent(join(directory, AUDIT_FILE));
  if (handle === undefined) return;
  try {
    let rest = Buffer.alloc(0);
    let number = firstNumber;
    let end = position;
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let readFrom = position; ;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, readFrom);
      if (bytesRead === 0) break;
      readFrom += bytesRead;
      let bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let newline = bytes.indexOf(0x0a); newline >= 0; newline = bytes.indexOf(0x0a)) {
        end += newline + 1;
        const fits = newline < MAX_LINE_BYTES;
        yield { number: number++, text: fits ? bytes.toString('utf8', 0, newline) : undefined, end, isWhole: true };
        if (!fits) return;
        bytes = bytes.subarray(newline + 1);
      }
      rest = bytes;
      if (rest.length > MAX_LINE_BYTES) {
        yield { number, text: undefined, end: end + rest.length, isWhole: false };
        return;
      }
    }
    if (rest.length > 0) yield { number, text: rest.toString('utf8'), end: end + rest.length, isWhole: false };
  } finally {
    await handle.close();
  }
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
