// Audit before act: an entry counts once its line is in the file, and only then may the request it speaks of be released.
// Entries of one turn share one write. What cannot be written is rejected, and the chain goes on
// from the last record that was.
import { IronError, toIronError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { FIRST_CHECKPOINT, type Checkpoint } from './checkpoint.ts';
import { logDirectory, type LogDirectory } from './log-directory.ts';
import { createLogEnd } from './log-end.ts';
import type { LogFile } from './log-file.ts';
import { headOfOlder, readStart, readTail, refuseCut, startOfLog } from './log-tail.ts';
import { sealRecord } from './record-line.ts';
import type { AuditEntry, AuditRecord } from './record.ts';
import { createUpkeep, type UpkeepLimits } from './upkeep.ts';
import { lockLog } from './writer-lock.ts';

export interface AuditWriter {
  /** Resolves once the record's bytes are written to the file; rejects when they are not, and then nothing may be released. */
  append(entry: AuditEntry): Promise<AuditRecord>;
  /** Writes what is queued and closes the log; appends after it are rejected. */
  close(): Promise<void>;
}

export interface AuditLimits extends UpkeepLimits {
  /** A file that would grow beyond it is set aside, and the chain goes on in the next. */
  maxFileBytes: number;
}

export const AUDIT_LIMITS: AuditLimits = {
  maxFileBytes: 64 * 1024 * 1024,
  keptFiles: 16,
  checkpointRecords: 1000,
  checkpointMs: 60_000,
};

interface Pending {
  entry: AuditEntry;
  time: number;
  resolve: (record: AuditRecord) => void;
  reject: (error: IronError) => void;
}

/** Text of lines that go into one write; bounds memory, not what can be queued. */
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024;

/** Opens the log of `cage` in `directory` (which must exist), repairs a torn end and goes on with the chain. */
export async function openAuditWriter(
  directory: string,
  cage: string,
  clock: Clock,
  limits: AuditLimits = AUDIT_LIMITS,
): Promise<AuditWriter> {
  try {
    return await createAuditWriter(logDirectory(directory, await lockLog(directory)), cage, clock, limits);
  } catch (error) {
    throw toIronError(error);
  }
}

/** The same over a log that is this writer's already; it is released with the writer, and where this throws. */
export async function createAuditWriter(
  log: LogDirectory,
  cage: string,
  clock: Clock,
  limits: AuditLimits,
): Promise<AuditWriter> {
  let file: LogFile | undefined;
  try {
    file = await log.openNewest();
    return await startWriter(log, file, cage, clock, limits);
  } catch (error) {
    await file?.close();
    log.release();
    throw error;
  }
}

async function startWriter(
  log: LogDirectory,
  file: LogFile,
  cage: string,
  clock: Clock,
  limits: AuditLimits,
): Promise<AuditWriter> {
  const tail = await readTail(file);
  let head = tail.head ?? (await headOfOlder(log));
  const found = log.readCheckpoint();
  if (typeof found === 'object') refuseCut(head, found);
  const begin = typeof found === 'object' ? found : await firstCheckpoint(log, file);
  const upkeep = createUpkeep(log, begin, limits);
  const firstSeq = (await readStart(file))?.seq ?? head.seq + 1;
  const target = createLogEnd(
    log,
    { file, firstSeq, end: tail.end, isDirty: tail.end !== tail.size },
    {
      maxFileBytes: limits.maxFileBytes,
      onRetired: (full) => upkeep.retire(full),
    },
  );
  let queue: Pending[] = [];
  let closing: Promise<void> | undefined;
  let flushing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    // One turn of the event loop: everything that the current reads bring in shares the write.
    await new Promise<void>((wake) => setImmediate(wake));
    while (queue.length > 0) {
      const waiting = queue;
      queue = [];
      await writeAll(waiting);
    }
    flushing = undefined;
  }

  async function writeAll(waiting: readonly Pending[]): Promise<void> {
    for (let next = 0; next < waiting.length;) {
      const sealed: { pending: Pending; record: AuditRecord }[] = [];
      let text = '';
      let batchHead = head;
      while (next < waiting.length && text.length < MAX_BATCH_CHARACTERS) {
        const pending = waiting[next++];
        if (pending === undefined) break;
        const { record, line } = sealRecord(pending.entry, { cage, time: pending.time, head: batchHead });
        sealed.push({ pending, record });
        batchHead = record;
        text += line;
      }
      let file: LogFile;
      try {
        file = await target.append(Buffer.from(text), head.seq + 1);
      } catch (error) {
        for (const { pending } of sealed) pending.reject(toIronError(error));
        continue;
      }
      head = { seq: batchHead.seq, hash: batchHead.hash };
      upkeep.wrote(head, file);
      for (const { pending, record } of sealed) pending.resolve(record);
    }
  }

  function append(entry: AuditEntry): Promise<AuditRecord> {
    if (closing !== undefined) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      queue.push({ entry, time: clock.now(), resolve, reject });
      flushing ??= flush();
    });
  }

  async function finish(): Promise<void> {
    await flushing;
    await upkeep.close();
    await target.close();
    log.release();
  }

  const tornBytes = tail.size - tail.end;
  if (tornBytes > 0) await append(noteEntry(`cut off ${tornBytes} bytes of a line that was not written to its end`));
  if (typeof found === 'string' && head.seq > 0) {
    await append(
      noteEntry(found === 'none' ? 'the log had no checkpoint' : 'the checkpoint of the log was not readable'),
    );
  }
  return { append, close: () => (closing ??= finish()) };
}

/** Names no record, as nothing says which there must be. Unsynced: the egress starts meanwhile. */
async function firstCheckpoint(log: LogDirectory, newest: LogFile): Promise<Checkpoint> {
  const start = await startOfLog(log, newest);
  const checkpoint = { ...FIRST_CHECKPOINT, firstSeq: start.seq, firstPrev: start.prev };
  await log.writeCheckpoint(checkpoint, { synced: false });
  return checkpoint;
}

function closedError(): IronError {
  return new IronError('E_EGRESS', {
    message: 'the audit log is closed',
    hint: 'the request was refused; start the cage again',
  });
}

function noteEntry(reason: string): AuditEntry {
  return {
    direction: 'outbound',
    protocol: 'control',
    method: '',
    host: '',
    port: 0,
    path: '',
    decision: 'allow',
    rule: '<recovered>',
    inspectors: [{ name: 'audit', action: 'note', reason }],
    bytesOut: 0,
    bytesIn: 0,
    secrets: [],
  };
}
