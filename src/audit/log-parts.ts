// The files of an audit log as a reader opens them: all at once, so that a rotation meanwhile neither hides records nor shows
// them twice.
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { namesIn } from '../platform/files.ts';
import { AUDIT_FILE, firstSeqOf, olderNames } from './log-names.ts';

export interface LogPart {
  file: string;
  handle: FileHandle;
  /** The seq it begins with; 0 where its first line does not say. */
  firstSeq: number;
}

const MAX_ATTEMPTS = 100;

/** Oldest first; without older files that begin before the one that begins with `fromFirstSeq`. */
export async function openLog(directory: string, fromFirstSeq: number): Promise<LogPart[]> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const parts = await tryOpen(directory, fromFirstSeq);
    if (parts !== undefined) return parts;
  }
  throw new IronError('E_STATE_BROKEN', {
    message: `the audit log in ${directory} cannot be read`,
    because: 'its files are renamed faster than they can be opened',
    hint: 'stop the cage with `ironcage stop`, then try again',
  });
}

/** Undefined when a file went away meanwhile: what is left need not fit together. */
async function tryOpen(directory: string, fromFirstSeq: number): Promise<LogPart[] | undefined> {
  const parts: LogPart[] = [];
  try {
    // The newest first: should it be set aside now, it is found again among the older ones.
    const newest = await openIfPresent(join(directory, AUDIT_FILE));
    const last = newest && { file: AUDIT_FILE, handle: newest, firstSeq: await readFirstSeq(newest) };
    if (last !== undefined) parts.push(last);
    const older: LogPart[] = [];
    for (const file of olderNames(namesIn(directory))) {
      const firstSeq = firstSeqOf(file) ?? 0;
      if (firstSeq < fromFirstSeq) continue;
      const handle = await openIfPresent(join(directory, file));
      if (handle === undefined) return await closeAll(parts);
      parts.push({ file, handle, firstSeq });
      older.push({ file, handle, firstSeq });
    }
    if (last === undefined) return older;
    if (!(await isAmong(last, older))) return [...older, last];
    await last.handle.close();
    return older;
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
}

async function closeAll(parts: readonly LogPart[]): Promise<undefined> {
  for (const { handle } of parts) await handle.close();
}

async function isAmong({ handle }: LogPart, others: readonly LogPart[]): Promise<boolean> {
  const own = await handle.stat();
  for (const other of others) {
    const { ino, dev } = await other.handle.stat();
    if (ino === own.ino && dev === own.dev) return true;
  }
  return false;
}

/** Every line begins with its seq; whether it is a record at all is for others to say. */
async function readFirstSeq(handle: FileHandle): Promise<number> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(32), 0, 32, 0);
  const [, digits] = /^\{"seq":(\d{1,16}),/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
  return digits === undefined ? 0 : Number(digits);
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
