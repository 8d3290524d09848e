// The shape of the record of an apply, an export or a sync, for what a crash left of one. Loaded only when there is one.
import { join } from 'node:path';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent } from '../platform/files.ts';
import { JOURNAL_NAME } from './apply-steps.ts';

const schema = z.strictObject({
  version: z.literal(1),
  phase: z.enum(['staging', 'committing']),
  /** Directory whose files are replaced. */
  root: z.string().startsWith('/'),
  /** Name of the directory that holds new files (`0`) and former ones (`0.before`): in the root, or beside a cage's workspace. */
  staging: z.string().regex(/^\.ironcage-apply-[0-9a-f]{12}$/),
  /** Of a root that is a cage's: what it is, and the base that holds once all is done. */
  cage: z
    .strictObject({
      view: z.enum(['tree', 'layer', 'process']),
      /** Through whose eyes the root is looked up. */
      process: z.strictObject({ pid: z.int().min(2), startTicks: z.string() }).optional(),
      base: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/),
    })
    .optional(),
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
