// Writes an archive: a gzip stream of tar entries, the list of all of them with their digests last. What a file holds is read once, and
// never held whole.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { entryLine, type ArchiveEntry } from './entry.ts';
import { refuseWhenInterrupted } from '../platform/interrupts.ts';
import { encodeHeader, padding, BLOCK } from './tar-blocks.ts';

export const LIST_PATH = 'entries.ndjson';
const PIECE_BYTES = 256 * 1024;
/** Most of what there is to gain, at several times the speed of the highest. */
const GZIP_LEVEL = 3;

export interface ArchiveWriter {
  /** `source`: of a file, open at its beginning. Throws ChangedWhileRead where it is not as long as the entry says. */
  add(entry: ArchiveEntry, source?: { fd: number } | { bytes: Buffer }): Promise<void>;
  /** So far: how many, and the bytes of all files among them. */
  added(): { entries: number; bytes: number };
  /** Writes the list and the end, and has it all on disk. */
  finish(): Promise<void>;
  /** After a failure; what was written is worth nothing. */
  abort(): void;
}

/** A file is not as long as it was when its entry was made. */
export class ChangedWhileRead extends Error {}

/** `fd`: of an empty file; stays open. `listFile`: a new file for the list while it grows. Throws E_IO once it is `interrupted`. */
export function createArchiveWriter(fd: number, listFile: string, interrupted?: AbortSignal): ArchiveWriter {
  const added = { entries: 0, bytes: 0 };
  const list = openSync(listFile, 'wx+', 0o600);
  let listBytes = 0;
  const gzip = createGzip({ level: GZIP_LEVEL });
  const file = fileSink(fd);
  let failure: Error | undefined;
  const ended = once(file, 'finish');
  // Told by the next write or by `finish`.
  ended.catch((error: unknown) => (failure ??= error instanceof Error ? error : new Error(String(error))));
  gzip.on('error', (error) => (failure ??= error));
  gzip.pipe(file);

  const check = (): void => {
    if (failure !== undefined) throw failure;
    if (interrupted !== undefined) refuseWhenInterrupted(interrupted);
  };
  const write = async (bytes: Buffer): Promise<void> => {
    check();
    if (bytes.length === 0 || gzip.write(bytes)) return;
    await Promise.race([once(gzip, 'drain'), ended]);
    check();
  };
  const putContents = async (size: number, source: { fd: number } | { bytes: Buffer }, hash: Hash): Promise<void> => {
    let left = size;
    if ('bytes' in source) {
      hash.update(source.bytes);
      await write(source.bytes);
      left -= source.bytes.length;
    } else {
      while (left > 0) {
        // A buffer of its own each time: the compressor may still hold the last one.
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left));
        const read = readSync(source.fd, piece, 0, piece.length, null);
        if (read === 0) break;
        const bytes = piece.subarray(0, read);
        hash.update(bytes);
        await write(bytes);
        left -= read;
      }
    }
    if (left !== 0) throw new ChangedWhileRead('a file was changed while it was read');
    await write(Buffer.alloc(padding(size)));
  };
  const put = async (entry: ArchiveEntry, source?: { fd: number } | { bytes: Buffer }): Promise<string> => {
    const hash = createHash('sha256');
    await write(encodeHeader(entry));
    if (source !== undefined) await putContents(entry.size, source, hash);
    return hash.digest('hex');
  };
  return {
    async add(entry, source) {
      const line = Buffer.from(entryLine(entry, await put(entry, source)));
      writeSync(list, line);
      listBytes += line.length;
      added.entries += 1;
      added.bytes += entry.size;
    },
    added: () => added,
    async finish() {
      const contents = openSync(listFile, 'r');
      try {
        const own = { path: LIST_PATH, kind: 'file', mode: 0o600, size: listBytes, mtime: 0, target: '' } as const;
        await put(own, { fd: contents });
      } finally {
        closeSync(contents);
      }
      await write(Buffer.alloc(2 * BLOCK));
      gzip.end();
      await ended;
      closeSync(list);
      fdatasyncSync(fd);
    },
    abort() {
      gzip.destroy();
      file.destroy();
      closeSync(list);
    },
  };
}

/** From the beginning, wherever an attempt before has got to. Node's own stream for files closes what it did not open. */
function fileSink(fd: number): Writable {
  let position = 0;
  return new Writable({
    write(bytes: Buffer, _encoding, done) {
      try {
        for (let at = 0; at < bytes.length;) {
          const written = writeSync(fd, bytes, at, bytes.length - at, position);
          at += written;
          position += written;
        }
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}
