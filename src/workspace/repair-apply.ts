// Brings an apply that was interrupted to an end: finished when the host had begun to change, undone when it had not. Called by
// every command that takes the cage's lock, so it costs one look at a file name when there is nothing to do.
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../platform/errors.ts';
import { pathExists, removeTree } from '../platform/files.ts';
import { commitStep, JOURNAL_NAME, removeEmptyParents, type Site } from './apply-steps.ts';
import { toText } from './byte-path.ts';
import { openDirectory } from './directory-handle.ts';
import { workspaceDirectory } from './workspace.ts';

export interface RepairedApply {
  outcome: 'finished' | 'undone';
  /** Files (text) that were changed on the host meanwhile and were left as they are. */
  kept: readonly string[];
}

/** Undefined when no apply was interrupted. */
export async function repairApply(storeDirectory: string): Promise<RepairedApply | undefined> {
  const directory = workspaceDirectory(storeDirectory);
  if (!pathExists(join(directory, JOURNAL_NAME))) return undefined;
  const { dropJournal, readJournal } = await import('./apply-journal.ts');
  const journal = readJournal(directory);
  if (journal === undefined) return undefined;
  const stagingPath = join(journal.root, journal.staging);
  // Without the staging directory nothing was begun, or all was done.
  if (journal.phase === 'staging' || !pathExists(stagingPath)) {
    if (pathExists(journal.root)) await removeStaging(stagingPath, journal.root);
    dropJournal(directory);
    return { outcome: 'undone', kept: [] };
  }
  const site: Site = { root: openDirectory(journal.root), staging: openDirectory(stagingPath) };
  const kept: string[] = [];
  try {
    for (const [number, step] of journal.steps.entries()) {
      if (commitStep(site, step, number) === 'changed') kept.push(toText(step.path));
      else if (step.action === 'delete') removeEmptyParents(site.root, step.path);
    }
  } finally {
    closeSync(site.root);
    closeSync(site.staging);
  }
  removeTree(stagingPath, journal.root);
  dropJournal(directory);
  return { outcome: 'finished', kept };
}

const REMOVE_ATTEMPTS = 100;

/** A git that outlived the interrupted command may still be filling the directory: then a removal has to be tried again. */
async function removeStaging(stagingPath: string, root: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      removeTree(stagingPath, root);
      return;
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOTEMPTY' || attempt === REMOVE_ATTEMPTS) throw error;
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }
}
