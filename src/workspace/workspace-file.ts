// What is remembered of a workspace between commands: one file, written whole or not at all, read only through its schema.
// Written by us and unchanged it needs no schema; workspace-record.ts holds that, for everything else.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent } from '../platform/files.ts';
import { isSealed, writeSealedFile } from '../platform/sealed-file.ts';
import type { WorkspaceRecord } from './workspace-record.ts';

const FILE_NAME = 'workspace.json';

export function writeWorkspaceRecord(directory: string, record: WorkspaceRecord): void {
  writeSealedFile(join(directory, FILE_NAME), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record in `directory`, or undefined where there is none; throws E_STATE_BROKEN when it cannot be understood. */
export async function readWorkspaceRecord(directory: string): Promise<WorkspaceRecord | undefined> {
  const path = join(directory, FILE_NAME);
  const text = readTextIfPresent(path);
  if (text === undefined) return undefined;
  if (isSealed(path, text)) {
    const own: WorkspaceRecord = JSON.parse(text);
    return own;
  }
  const { parseWorkspaceRecord } = await import('./workspace-record.ts');
  const result = parseWorkspaceRecord(text);
  if (result.ok) return result.record;
  throw new IronError('E_STATE_BROKEN', {
    message: `the workspace record ${path} cannot be read`,
    because: result.because,
    hint: 'restore the file from a backup; the work beside it is untouched and can be copied out by hand',
    details: { path },
  });
}
