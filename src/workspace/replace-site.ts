// Where files are replaced: a directory of the host, a cage's own directory, the layer of one that does not run, or a directory as a
// process of the cage sees it. No path of a cage's is ever followed through a link.
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { isAlive } from '../platform/processes.ts';
import type { ApplyJournal } from './apply-journal-record.ts';
import type { Site } from './apply-steps.ts';
import { fromText } from './byte-path.ts';
import { isGone, openDirectory, withDirectoryBelow, type DirectoryHandle } from './directory-handle.ts';

type Place = Pick<ApplyJournal, 'root'> & { cage?: ApplyJournal['cage'] };

/** Throws E_WORKSPACE when the process is gone, or when its cage has made something else of the directory. */
export function openRoot({ root, cage }: Place): DirectoryHandle {
  const seenBy = cage?.process;
  if (seenBy === undefined) return openDirectory(root);
  const top = openSync(`/proc/${seenBy.pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    // Looked at with its root open: a later process of the same number has another one.
    if (!isAlive(seenBy)) throw unreachable(root, 'the cage has ended');
    return withDirectoryBelow(top, fromText(root.slice(1)), (handle) => openDirectory(`/proc/self/fd/${handle}/.`));
  } catch (error) {
    if (isGone(error)) throw unreachable(root, 'it is no directory inside any more');
    throw error;
  } finally {
    closeSync(top);
  }
}

/** What is staged for a cage lies out of its sight. `directory`: that of the workspace. */
export function stagingDirectory(
  { root, staging, cage }: Place & Pick<ApplyJournal, 'staging'>,
  directory: string,
): string {
  return join(cage === undefined ? root : directory, staging);
}

/** Whoever opens it closes both directories. */
export function openSite(journal: Place & Pick<ApplyJournal, 'staging'>, directory: string): Site {
  const root = openRoot(journal);
  try {
    const staging = openDirectory(stagingDirectory(journal, directory));
    return { root, staging, keepsEmpty: journal.cage?.view === 'layer' };
  } catch (error) {
    closeSync(root);
    throw error;
  }
}

function unreachable(root: string, because: string): IronError {
  return new IronError('E_WORKSPACE', {
    message: `${root} of the cage cannot be written`,
    because,
    hint: 'run the command again',
  });
}
