// The files of an audit log together, as the writer needs them: the newest, the older ones it was continued from, and the
// checkpoint beside them. Every step leaves the log readable, wherever a kill falls between two of them.
import { lstatSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { openLogFile, type LogFile } from './log-file.ts';
import { AUDIT_FILE, olderName, olderNames } from './log-names.ts';

export interface LogDirectory {
  /** Made where there is none. */
  openNewest(): Promise<LogFile>;
  /** Names, oldest first. */
  older(): string[];
  openOlder(name: string): Promise<LogFile>;
  /** Makes the newest file an older one; until the next is opened, none is the newest. */
  setAside(firstSeq: number): void;
  removeOlder(name: string): void;
  readCheckpoint(): Checkpoint | 'none' | 'broken';
  writeCheckpoint(checkpoint: Checkpoint, options: { synced: boolean }): Promise<void>;
  /** Lets another writer have it. */
  release(): void;
}

export function logDirectory(directory: string, release: () => void): LogDirectory {
  return {
    openNewest: () => openLogFile(join(directory, AUDIT_FILE)),
    older: () => olderNames(readdirSync(directory)),
    openOlder: (name) => openLogFile(join(directory, name)),
    setAside(firstSeq) {
      const target = join(directory, olderName(firstSeq));
      // A rename would replace what is there, and records with it.
      if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) {
        throw new IronError('E_STATE_BROKEN', {
          message: `${target} is there already`,
          hint: 'look at the log with `ironcage audit --verify`, and move that file away',
        });
      }
      renameSync(join(directory, AUDIT_FILE), target);
    },
    removeOlder: (name) => unlinkSync(join(directory, name)),
    readCheckpoint: () => readCheckpoint(directory),
    writeCheckpoint: (checkpoint, options) => writeCheckpoint(directory, checkpoint, options),
    release,
  };
}
