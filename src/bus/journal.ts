// The host's record of all messages of a cage, one JSON document a line, in the order in which they came. Written under the mail's
// lock; read by anybody, who passes over a last line that is not whole yet.
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { systemErrorCode } from '../platform/errors.ts';
import { parseJson } from '../platform/json.ts';

export interface JournalEntry {
  /** The host's count, from 1 on, over all that is in the journal. */
  seq: number;
  id: string;
  /** Name of the file in the outbox that it came as. */
  file?: string;
  from: 'cage' | 'user' | 'host';
  type: string;
  /** Receipt, by the host's clock, ISO. */
  time: string;
  sentAt?: string;
  replyTo?: string;
  run?: string;
  /** It came with a backup: nobody here has seen it sent. */
  restored?: true;
  payload: Record<string, unknown>;
}

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** Where a reader stands. A journal that was written anew is another file, and is read from its beginning. */
export interface Position {
  inode: number;
  offset: number;
}

/** Entries from `position` on, which moves along with them; what cannot be read as one is passed over. */
export async function* readJournal(path: string, position: Position): AsyncGenerator<JournalEntry, void, undefined> {
  const file = await openIfPresent(path);
  if (file === undefined) return;
  try {
    const { ino, size } = await file.stat();
    if (ino !== position.inode || size < position.offset) Object.assign(position, { inode: ino, offset: 0 });
    let rest: Buffer = Buffer.alloc(0);
    for (let from = position.offset; ;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, from);
      if (bytesRead === 0) return;
      from += bytesRead;
      let text = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE)) {
        const entry = parseEntry(text.toString('utf8', 0, end));
        position.offset += end + 1;
        text = text.subarray(end + 1);
        if (entry !== undefined) yield entry;
      }
      rest = text;
    }
  } finally {
    await file.close();
  }
}

async function openIfPresent(path: string): Promise<Awaited<ReturnType<typeof open>> | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Our own file, so that a look at the fields that count is enough. */
function parseEntry(line: string): JournalEntry | undefined {
  const value = parseJson(line);
  return isEntry(value) ? value : undefined;
}

function isEntry(value: unknown): value is JournalEntry {
  if (typeof value !== 'object' || value === null) return false;
  const has = (name: string, type: string): boolean => name in value && typeof Reflect.get(value, name) === type;
  return (
    has('seq', 'number') &&
    ['id', 'from', 'type', 'time'].every((name) => has(name, 'string')) &&
    has('payload', 'object')
  );
}

/** Adds entries, all of them on disk when this returns. What a crash left of a line goes first. The caller holds the lock. */
export function appendJournal(path: string, entries: readonly JournalEntry[]): void {
  if (entries.length === 0) return;
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const end = wholeLines(fd);
    const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    try {
      for (let written = 0; written < bytes.length;)
        written += writeSync(fd, bytes, written, bytes.length - written, end + written);
      fsyncSync(fd);
    } catch (error) {
      // A full disk: what is half there must not be taken for said.
      ftruncateSync(fd, end);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** Cuts off a last line that has no end, and returns the length of what is left. */
function wholeLines(fd: number): number {
  const { size } = fstatSync(fd);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let end = 0;
  for (let before = size; before > 0 && end === 0;) {
    const from = Math.max(0, before - CHUNK_BYTES);
    const count = readSync(fd, chunk, 0, before - from, from);
    end = chunk.subarray(0, count).lastIndexOf(NEWLINE) + 1;
    if (end > 0) end += from;
    before = from;
  }
  if (end < size) ftruncateSync(fd, end);
  return end;
}
