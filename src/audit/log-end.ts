// The end of an audit log, where records are appended. After a failed write the file is cut back to its last whole line before
// anything else is written, so that the chain in it is valid at every moment; until that works, every append is rejected.
// A file that is full is set aside, and the next one begins.
import type { LogDirectory } from './log-directory.ts';
import type { LogFile } from './log-file.ts';

/** The file that is written. */
export interface NewestFile {
  file: LogFile;
  /** Of its first record, there or to come. */
  firstSeq: number;
  /** End of the last whole line. */
  end: number;
  /** Something may stand behind that end. */
  isDirty: boolean;
}

export interface LogEnd {
  /** Appends whole lines, the first of them with the number `seq`, or rejects and leaves none of them. Gives the file they are in. */
  append(lines: Buffer, seq: number): Promise<LogFile>;
  close(): Promise<void>;
}

export function createLogEnd(
  log: LogDirectory,
  opened: NewestFile,
  { maxFileBytes, onRetired }: { maxFileBytes: number; onRetired: (file: LogFile) => void },
): LogEnd {
  /** Undefined between two files. */
  let newest: NewestFile | undefined = opened;

  /** Ready for so many bytes more, with nothing behind its last whole line. */
  async function fileFor(bytes: number, seq: number): Promise<NewestFile> {
    if (newest?.isDirty === true) await cutBack(newest);
    if (newest !== undefined && newest.end > 0 && newest.end + bytes > maxFileBytes) {
      log.setAside(newest.firstSeq);
      onRetired(newest.file);
      newest = undefined;
    }
    newest ??= { file: await log.openNewest(), firstSeq: seq, end: 0, isDirty: false };
    return newest;
  }

  return {
    async append(lines, seq) {
      const target = await fileFor(lines.length, seq);
      target.isDirty = true;
      try {
        await target.file.append(lines);
      } catch (error) {
        // Whole lines of a batch that failed must not stand in the log as if they had been acted on. Where this fails
        // too, the next write begins with it.
        await cutBack(target).catch(() => undefined);
        throw error;
      }
      target.isDirty = false;
      target.end += lines.length;
      return target.file;
    },
    close: async () => newest?.file.close(),
  };
}

async function cutBack(target: NewestFile): Promise<void> {
  await target.file.truncate(target.end);
  target.isDirty = false;
}
