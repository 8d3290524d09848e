// Copies the data of a cage: out of it, into a snapshot and back, into another cage. What it is made of is in cage-data.ts.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemErrorCode, toIronError } from '../platform/errors.ts';
import { makeDirectory, pathExists } from '../platform/files.ts';
import { settleAll } from '../platform/settled.ts';
import type { Owner, SkippedFile } from '../workspace/copy-tree.ts';
import { copyExactly } from '../workspace/exact-copy.ts';
import { copyWorkspace } from '../workspace/copy-workspace.ts';
import type { DataPart } from './cage-data.ts';

/** Copies those of `parts` that are there. `owner`: as copyWorkspace has it. The names of files that cannot come along stand behind what they are of. */
export async function copyParts(
  parts: readonly DataPart[],
  from: string,
  to: string,
  interrupted: AbortSignal,
  owner?: Owner,
): Promise<SkippedFile[]> {
  const copied = await settleAll(
    parts.map(async ({ what, path, kind, without }): Promise<SkippedFile[]> => {
      const [source, target] = [join(from, path), join(to, path)];
      if (!pathExists(source)) return [];
      makeDirectory(dirname(target));
      const skipped =
        kind === 'workspace'
          ? await copyWorkspace(source, target, interrupted, owner)
          : await copyExactly({ source, target, interrupted });
      if (without !== undefined) rmSync(join(target, without), { force: true });
      return skipped.map((file) => ({ ...file, path: `${what}: ${file.path}` }));
    }),
  ).catch((error: unknown) => {
    // Several parts are copied at once: which of them meets a full disk first is nobody's choice.
    throw systemErrorCode(error) === undefined ? error : toIronError(error);
  });
  return copied.flat();
}
