// What is remembered of a workspace between commands: one file, written whole or not at all, read only through its schema.
// The only file of this room that loads zod.
import { join } from 'node:path';
import { z } from 'zod';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';

const oid = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const reasoned = z.strictObject({ path: z.string(), reason: z.string() });

const schema = z.strictObject({
  version: z.literal(1),
  strategy: z.enum(['overlay', 'copy']).describe('How the project reaches the cage'),
  projectRoot: z.string().startsWith('/').describe('Absolute path of the project on the host'),
  owner: z.strictObject({ uid: z.int().min(0), gid: z.int().min(0) }).optional(),
  base: z.strictObject({
    objectFormat: z.enum(['sha1', 'sha256']),
    tree: oid,
    commit: oid,
    head: oid.optional(),
    nested: z.array(z.string()),
    unreadable: z.array(z.string()),
  }),
  leftOut: z.array(reasoned).describe('Files of the project that the cage does not get'),
  maskedPaths: z.array(z.string()).describe('Absolute paths that the backend has to cover'),
  extraReadOnlyBinds: z.array(z.strictObject({ source: z.string(), target: z.string() })),
  lastApplied: oid.optional().describe('Tree of the cage when all of its change was last applied'),
});

export type WorkspaceRecord = z.infer<typeof schema>;

const FILE_NAME = 'workspace.json';

export function writeWorkspaceRecord(directory: string, record: WorkspaceRecord): void {
  writeFileAtomic(join(directory, FILE_NAME), `${JSON.stringify(schema.parse(record), null, 2)}\n`);
}

/** The record in `directory`, or undefined where there is none; throws E_STATE_BROKEN when it cannot be understood. */
export function readWorkspaceRecord(directory: string): WorkspaceRecord | undefined {
  const path = join(directory, FILE_NAME);
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new IronError('E_STATE_BROKEN', {
      message: `the workspace record ${path} cannot be read`,
      because: error instanceof z.ZodError ? z.prettifyError(error) : 'it is not JSON',
      hint: 'restore the file from a backup; the work beside it is untouched and can be copied out by hand',
      details: { path },
      cause: error,
    });
  }
}
