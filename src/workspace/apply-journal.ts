// The record of an apply under way: written before the host is touched, so that the next command can finish or undo what a
// crash interrupted. Loaded only when there is one.
import { join } from 'node:path';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { JOURNAL_NAME } from './apply-steps.ts';

const schema = z.strictObject({
  version: z.literal(1),
  phase: z.enum(['staging', 'committing']),
  root: z.string().startsWith('/'),
  /** Name of the directory in the project that holds new files (`0`) and former ones (`0.before`). */
  staging: z.string().regex(/^\.ironcage-apply-[0-9a-f]{12}$/),
  steps: z.array(
    z.strictObject({
      /** Byte path relative to the root. */
      path: z.string().min(1),
      action: z.enum(['write', 'delete']),
      seen: z.string().optional(),
    }),
  ),
});

export type ApplyJournal = z.infer<typeof schema>;

export function writeJournal(directory: string, journal: ApplyJournal): void {
  writeFileAtomic(join(directory, JOURNAL_NAME), JSON.stringify(schema.parse(journal)));
}

export function readJournal(directory: string): ApplyJournal | undefined {
  const path = join(directory, JOURNAL_NAME);
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new IronError('E_STATE_BROKEN', {
      message: `the record of an interrupted apply, ${path}, cannot be read`,
      hint: 'look for a directory .ironcage-apply-… in the project: it holds the new files and the former ones (.before)',
      details: { path },
      cause: error,
    });
  }
}

export function dropJournal(directory: string): void {
  removeTree(join(directory, JOURNAL_NAME), directory);
}
