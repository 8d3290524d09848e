// Audit before act: an entry counts once its line is in the file, and only then may the request it speaks of be released.
// Entries of one turn share one write. After a failed write the file is cut back to its last whole line before anything
// else is written, so the chain in the file is valid at every moment; until that works, every append is rejected.
import { IronError, toIronError } from '../platform/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { openLogFile, type LogFile } from './log-file.ts';
import { EMPTY_CHAIN, MAX_LINE_BYTES, readLine, sealRecord, type ChainHead } from './record-line.ts';
import type { AuditEntry, AuditRecord } from './record.ts';

export interface AuditWriter {
  /** Resolves once the record's bytes are written to the file; rejects when they are not, and then nothing may be released. */
  append(entry: AuditEntry): Promise<AuditRecord>;
  /** Writes what is queued and closes the file; appends after it are rejected. */
  close(): Promise<void>;
}

interface Pending {
  entry: AuditEntry;
  time: number;
  resolve: (record: AuditRecord) => void;
  reject: (error: IronError) => void;
}

/** Bytes of lines that go into one write; bounds memory, not what can be queued. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** Opens the log of `cage` in `directory` (which must exist), repairs a torn end and goes on with the chain. */
export async function openAuditWriter(directory: string, cage: string, clock: Clock): Promise<AuditWriter> {
  let file: LogFile;
  try {
    file = await openLogFile(directory);
  } catch (error) {
    throw toIronError(error);
  }
  try {
    return await createAuditWriter(file, cage, clock);
  } catch (error) {
    await file.close();
    throw toIronError(error);
  }
}

/** The same over a file that is open already; the writer closes it. */
export async function createAuditWriter(file: LogFile, cage: string, clock: Clock): Promise<AuditWriter> {
  const tail = await readTail(file);
  let head = tail.head;
  /** End of the last whole line. */
  let end = tail.end;
  let isDirty = tail.end !== tail.size;
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
      while (next < waiting.length && text.length < MAX_BATCH_BYTES) {
        const pending = waiting[next++];
        if (pending === undefined) break;
        const { record, line } = sealRecord(pending.entry, { cage, time: pending.time, head: batchHead });
        sealed.push({ pending, record });
        batchHead = record;
        text += line;
      }
      try {
        await write(Buffer.from(text));
      } catch (error) {
        for (const { pending } of sealed) pending.reject(toIronError(error));
        continue;
      }
      head = { seq: batchHead.seq, hash: batchHead.hash };
      for (const { pending, record } of sealed) pending.resolve(record);
    }
  }

  async function write(data: Buffer): Promise<void> {
    if (isDirty) await cutBack();
    isDirty = true;
    try {
      await file.append(data);
    } catch (error) {
      // Whole lines of a batch that failed must not stand in the log as if they had been acted on. Where this fails
      // too, the next write begins with it.
      await cutBack().catch(() => undefined);
      throw error;
    }
    isDirty = false;
    end += data.length;
  }

  async function cutBack(): Promise<void> {
    await file.truncate(end);
    isDirty = false;
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
    await file.close();
  }

  if (isDirty) await append(recoveredEntry(tail.size - tail.end));
  return { append, close: () => (closing ??= finish()) };
}

/** The last whole line and where it ends. Only the tail is read: a check of the whole chain is `audit --verify`. */
async function readTail(file: LogFile): Promise<{ size: number; end: number; head: ChainHead }> {
  const size = await file.size();
  // Long enough for a torn line behind a whole one.
  const start = Math.max(0, size - 2 * MAX_LINE_BYTES);
  const bytes = await file.read(start, size - start);
  const newline = bytes.lastIndexOf(0x0a);
  if (newline < 0) {
    if (start > 0) throw brokenTail('its last line is longer than any record');
    return { size, end: 0, head: EMPTY_CHAIN };
  }
  const before = newline === 0 ? -1 : bytes.lastIndexOf(0x0a, newline - 1);
  if (before < 0 && start > 0) throw brokenTail('its last line is longer than any record');
  const line = readLine(bytes.toString('utf8', before + 1, newline));
  if (!line.ok) throw brokenTail(line.reason);
  return { size, end: start + newline + 1, head: line.head };
}

/** A whole line that does not hold is no crash of ours: somebody changed it, and writing on would bury that. */
function brokenTail(reason: string): IronError {
  return new IronError('E_STATE_BROKEN', {
    message: 'the audit log of this cage cannot be continued',
    because: reason,
    hint: 'look at it with `ironcage audit --verify`, keep a copy, and move audit.jsonl away to start a new one',
  });
}

function closedError(): IronError {
  return new IronError('E_EGRESS', {
    message: 'the audit log is closed',
    hint: 'the request was refused; start the cage again',
  });
}

function recoveredEntry(tornBytes: number): AuditEntry {
  const reason = `cut off ${tornBytes} bytes of a line that was not written to its end`;
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
