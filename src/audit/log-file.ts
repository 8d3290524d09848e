// One file of an audit log as the writer needs it: appended to, cut back, never followed through a link, readable by its owner
// only. It knows nothing of records.
import { constants, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { IronError } from '../platform/errors.ts';

/** What the writer needs of a file; a test gives it one that fails. */
export interface LogFile {
  size(): Promise<number>;
  /** Up to `length` bytes from `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  /** Appends all of `data` or rejects; after a rejection any part of it may be in the file. */
  append(data: Buffer): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Resolves once what was appended survives a power failure. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Made where there is none. */
export async function openLogFile(path: string): Promise<LogFile> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  if (!(await handle.stat()).isFile()) {
    await handle.close();
    throw new IronError('E_STATE_BROKEN', {
      message: `${path} is not a regular file`,
      hint: 'move it away; a new audit log is started in its place',
    });
  }
  return {
    size: async () => (await handle.stat()).size,
    read: async (position, length) => {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    // Synchronously: the page cache takes it in microseconds, and a thread of the pool would make every request wait for two
    // changes of thread. Whoever may not go on before the record is written waits either way.
    append: async (data) => {
      for (let written = 0; written < data.length;) {
        written += writeSync(handle.fd, data, written, data.length - written);
      }
    },
    truncate: (size) => handle.truncate(size),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
