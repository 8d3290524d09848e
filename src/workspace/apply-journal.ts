// The record of an apply, an export or a sync under way: written before anything is touched, so that the next command can finish or
// undo what a crash interrupted.
import { join } from 'node:path';
import { removeTree, writeFileAtomic } from '../platform/files.ts';
import type { ApplyJournal } from './apply-journal-record.ts';
import { JOURNAL_NAME } from './apply-steps.ts';

export function writeJournal(directory: string, journal: ApplyJournal): void {
  writeFileAtomic(join(directory, JOURNAL_NAME), JSON.stringify(journal));
}

export function dropJournal(directory: string): void {
  removeTree(join(directory, JOURNAL_NAME), directory);
}
