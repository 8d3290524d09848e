// What an audit log needs besides records, off the way of every request: checkpoints from time to time, once their records
// survive a power failure, and the removal of files beyond those that are kept. What fails here is tried again later; it
// never stops a record.
import type { Checkpoint } from './checkpoint.ts';
import type { LogDirectory } from './log-directory.ts';
import type { LogFile } from './log-file.ts';
import { readStart, withFile } from './log-tail.ts';
import type { ChainHead } from './record-line.ts';

export interface UpkeepLimits {
  /** Older files beside the newest. */
  keptFiles: number;
  /** A checkpoint is written after so many records, or so much time after one that is not behind a checkpoint yet. */
  checkpointRecords: number;
  checkpointMs: number;
}

export interface Upkeep {
  /** Records were written; `head` is the last of them. */
  wrote(head: ChainHead, file: LogFile): void;
  /** Takes over a file that is written no more; it is closed once it survives a power failure. */
  retire(file: LogFile): void;
  /** Writes the last checkpoint. */
  close(): Promise<void>;
}

export function createUpkeep(log: LogDirectory, begin: Checkpoint, limits: UpkeepLimits): Upkeep {
  let saved = begin;
  /** The last record that was written, and the file it is in. */
  let latest: { head: ChainHead; file: LogFile } | undefined;
  let triedSeq = begin.seq;
  /** Written no more, and perhaps not on the disk yet. */
  const retired = new Set<LogFile>();
  let timer: NodeJS.Timeout | undefined;
  let work: Promise<void> = Promise.resolve();
  let isDue = false;

  function enqueue(job: () => Promise<void>): void {
    work = work.then(job).catch(() => undefined);
  }

  function schedule(): void {
    clearTimeout(timer);
    timer = undefined;
    if (isDue) return;
    isDue = true;
    enqueue(async () => {
      isDue = false;
      await save();
    });
  }

  async function save(): Promise<void> {
    if (latest === undefined || latest.head.seq <= saved.seq) return;
    const { head, file } = latest;
    triedSeq = head.seq;
    for (const older of retired) await older.sync();
    if (!retired.has(file)) await file.sync();
    await keep({ ...saved, seq: head.seq, hash: head.hash });
  }

  async function keep(checkpoint: Checkpoint): Promise<void> {
    await log.writeCheckpoint(checkpoint, { synced: true });
    saved = checkpoint;
  }

  /** The checkpoint first: a file that is gone without it would be one that somebody took. */
  async function removeOldest(): Promise<void> {
    const older = log.older();
    const tooMany = older.slice(0, Math.max(0, older.length - limits.keptFiles));
    if (tooMany.length === 0) return;
    const firstKept = older[tooMany.length];
    const start = firstKept === undefined ? undefined : await withFile(log, firstKept, readStart);
    if (start === undefined) return;
    await keep({ ...saved, firstSeq: start.seq, firstPrev: start.prev });
    for (const name of tooMany) log.removeOlder(name);
  }

  return {
    wrote(head, file) {
      latest = { head, file };
      if (head.seq - triedSeq >= limits.checkpointRecords) schedule();
      else timer ??= setTimeout(schedule, limits.checkpointMs).unref();
    },
    retire(file) {
      retired.add(file);
      schedule();
      enqueue(async () => {
        try {
          await file.sync();
        } finally {
          retired.delete(file);
          if (latest?.file === file) latest = undefined;
          await file.close();
        }
        await removeOldest();
      });
    },
    async close() {
      schedule();
      await work;
    },
  };
}
