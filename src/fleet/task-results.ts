// What came of a task, as files that outlive its cage: the change, what the checks printed, and a summary. Whole or not there.
import { renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../cage/context.ts';
import { diffCage, diffCageText, type CageDiff } from '../cage/work.ts';
import { makeDirectory, removeTree, writeFileAtomic } from '../platform/files.ts';
import type { TaskState } from './fleet-store.ts';

export interface TaskOutcome {
  name: string;
  state: TaskState;
  /** Of each check, both streams; hostile bytes. */
  outputs: readonly Buffer[];
}

/** Lays `result.json`, `change.diff` and `check-N.log` below `results`; gives the change. */
export async function writeResults(
  context: Context,
  results: string,
  outcome: TaskOutcome,
): Promise<CageDiff | undefined> {
  const { name, state, outputs } = outcome;
  const target = join(results, name);
  const draft = join(results, `.${name}.new`);
  removeTree(draft, results);
  makeDirectory(draft);
  const change = state.cage === undefined ? undefined : await diffCage(context, state.cage);
  if (change !== undefined) await writeChange(context, change, join(draft, 'change.diff'));
  outputs.forEach((output, index) => writeFileAtomic(join(draft, `check-${index + 1}.log`), output, { synced: false }));
  const summary = { task: name, ...state, files: change?.files ?? [] };
  writeFileAtomic(join(draft, 'result.json'), `${JSON.stringify(summary, undefined, 2)}\n`);
  removeTree(target, results);
  renameSync(draft, target);
  return change;
}

async function writeChange(context: Context, change: CageDiff, file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await diffCageText(context, change, 'full', async (piece) => {
      await handle.writeFile(piece);
      return true;
    });
  } finally {
    await handle.close();
  }
}
