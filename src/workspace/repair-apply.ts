// Brings an apply, an export or a sync that was interrupted to an end: finished when files had begun to change, undone when they had
// not. Called by every command that takes the cage's lock, so it costs one look at a file name when there is nothing to do.
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { pathExists, removeTree } from '../platform/files.ts';
import type { ApplyJournal } from './apply-journal-record.ts';
import { commitStep, JOURNAL_NAME, type Site } from './apply-steps.ts';
import { toText } from './byte-path.ts';
import { workspaceDirectory } from './workspace.ts';

export interface RepairedApply {
  what: 'apply' | 'sync';
  outcome: 'finished' | 'undone';
  /** Files (text) that were changed meanwhile and were left as they are. */
  kept: readonly string[];
}

/** Undefined when no apply was interrupted. */
export async function repairApply(storeDirectory: string): Promise<RepairedApply | undefined> {
  const directory = workspaceDirectory(storeDirectory);
  if (!pathExists(join(directory, JOURNAL_NAME))) return undefined;
  const { readJournal } = await import('./apply-journal-record.ts');
  const { dropJournal } = await import('./apply-journal.ts');
  const { openSite, stagingDirectory } = await import('./replace-site.ts');
  const journal = readJournal(directory);
  if (journal === undefined) return undefined;
  const what = journal.cage === undefined ? 'apply' : 'sync';
  const stagingPath = stagingDirectory(journal, directory);
  // Without the staging directory nothing was begun, or all was done.
  if (journal.phase === 'staging' || !pathExists(stagingPath)) {
    if (pathExists(dirname(stagingPath))) await removeStaging(stagingPath, dirname(stagingPath));
    dropJournal(directory);
    return { what, outcome: 'undone', kept: [] };
  }
  const site = openIfThere(() => openSite(journal, directory));
  const kept = site === undefined ? [] : finish(site, journal);
  if (journal.cage !== undefined) {
    const { settleBase } = await import('./move-base.ts');
    kept.push(...(await settleBase(storeDirectory, journal.cage.base)));
  }
  removeTree(stagingPath, dirname(stagingPath));
  dropJournal(directory);
  return { what, outcome: 'finished', kept: [...new Set(kept)] };
}

/** A cage that ended meanwhile has no root any more: what came into it is looked up in its files. */
function openIfThere(open: () => Site): Site | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof IronError || systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function finish(site: Site, journal: ApplyJournal): string[] {
  const kept: string[] = [];
  try {
    for (const [number, step] of journal.steps.entries()) {
      if (commitStep(site, step, number) === 'changed') kept.push(toText(step.path));
    }
  } finally {
    closeSync(site.root);
    closeSync(site.staging);
  }
  return kept;
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
