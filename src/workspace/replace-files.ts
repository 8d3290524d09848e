// Replaces files below one directory by stored ones, all of them or none: new files are made ready aside, former ones are kept until
// the end, a journal says how far it got. What an apply, an export and a sync have in common; which files, and why, is theirs to say.
import { closeSync, mkdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { holdingInterrupts } from '../platform/interrupts.ts';
import { countSlowly, tellIfSlow } from '../platform/slowness.ts';
import { dropJournal, writeJournal } from './apply-journal.ts';
import type { ApplyJournal } from './apply-journal-record.ts';
import { commitStep, identify, keepFormer, lookAt, takeOver, undoStep, type Site, type Step } from './apply-steps.ts';
import { joinRecords, toText, unsafeComponent, type BytePath } from './byte-path.ts';
import { git } from './git.ts';
import type { HostWrite } from './host-tree.ts';
import { openRoot, openSite, stagingDirectory } from './replace-site.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

export interface Replacement {
  /** Absolute path of the directory. */
  root: string;
  /** Of a root that is a cage's. */
  cage?: ApplyJournal['cage'];
  writes: readonly HostWrite[];
  /** One for each of `writes`, see lookAtFiles. */
  steps: readonly Step[];
  /** Once all is in place, and before it counts as done. */
  settle?: (() => Promise<void>) | undefined;
  /** Where a test may end the process. */
  step?: ((name: 'ready' | 'in place' | 'settled') => void) | undefined;
  tell?: ((line: string) => void) | undefined;
}

/** Deletes come first, deepest first: they make room for files where directories were, and the other way round. */
export function orderWrites(writes: readonly HostWrite[]): HostWrite[] {
  const deletes = writes.filter((write) => write.after === undefined);
  const rest = writes.filter((write) => write.after !== undefined);
  return [...deletes.sort((a, b) => (a.path < b.path ? 1 : -1)), ...rest];
}

/** The steps to these writes, with the files that are there now. Throws E_CONFLICT when one that should be there is gone. */
export function lookAtFiles(place: Pick<Replacement, 'root' | 'cage'>, writes: readonly HostWrite[]): Step[] {
  const root = openRoot(place);
  try {
    return writes.map(({ path, before, after }) => {
      const action = after === undefined ? 'delete' : 'write';
      const view = place.cage?.view;
      // Inside an overlay also that is seen which the base does not know; its layer does not hold what shows through it.
      const stat = before === undefined && view !== 'process' ? undefined : lookAt(root, path);
      if (before !== undefined && stat === undefined && view !== 'process' && view !== 'layer') {
        throw changedMeanwhile(place, path);
      }
      return { path, action, ...(stat === undefined ? {} : { seen: identify(stat) }) };
    });
  } finally {
    closeSync(root);
  }
}

/** Throws E_CONFLICT, with all files as they were, when one is not the file that was looked at. */
export function replaceFiles(workspace: PreparedWorkspace, replacement: Replacement): Promise<void> {
  return holdingInterrupts((interruption) => replaceAll(workspace, replacement, interruption));
}

async function replaceAll(
  workspace: PreparedWorkspace,
  { root, cage, writes, steps, settle, step = () => undefined, tell = () => undefined }: Replacement,
  interruption: AbortSignal,
): Promise<void> {
  refuseUnsafePaths(writes);
  const directory = workspaceDirectory(workspace.storeDirectory);
  const staging = `.ironcage-apply-${randomBytes(6).toString('hex')}`;
  const journal: ApplyJournal = {
    ...{ version: 1, phase: 'staging', root, staging, steps: [...steps] },
    ...(cage === undefined ? {} : { cage }),
  };
  writeJournal(directory, journal);
  const stagingPath = stagingDirectory(journal, directory);
  mkdirSync(stagingPath, { mode: 0o700 });
  const site = openSite(journal, directory);
  const cleanUp = (): void => {
    removeTree(stagingPath, dirname(stagingPath));
    dropJournal(directory);
  };
  try {
    try {
      await tellIfSlow(tell, `making ${writes.length} files ready`, () =>
        stage(workspace, site, stagingPath, { writes, steps }),
      );
      if (interruption.aborted) throw interrupted();
      writeJournal(directory, { ...journal, phase: 'committing' });
    } catch (error) {
      cleanUp();
      throw error;
    }
    step('ready');
    // From here on, an end without a clean-up leaves the journal and the former files for repairApply.
    const changed = commitAll(site, steps, countSlowly(tell, 'files in place', steps.length));
    if (changed === undefined) {
      step('in place');
      await settle?.();
      step('settled');
    }
    cleanUp();
    if (changed !== undefined) throw changedMeanwhile({ cage }, changed.path);
  } finally {
    closeSync(site.root);
    closeSync(site.staging);
  }
}

/** Makes the new files ready and keeps the former ones. */
async function stage(
  workspace: PreparedWorkspace,
  site: Site,
  stagingPath: string,
  { writes, steps }: Pick<Replacement, 'writes' | 'steps'>,
): Promise<void> {
  const index = join(workspace.base.gitDir, 'apply.index');
  removeTree(index, workspace.base.gitDir);
  const entries = writes.flatMap(({ after }, number) =>
    after === undefined ? [] : [`${after.mode} ${after.oid} 0\t${number}`],
  );
  const call = { gitDir: workspace.base.gitDir, workTree: stagingPath, indexFile: index };
  await git(['update-index', '-z', '--index-info'], { ...call, input: joinRecords(entries) });
  await git(['checkout-index', '--all', '--quiet'], call);
  for (const [number, step] of steps.entries()) {
    if (step.seen === undefined) continue;
    keepFormer(site, step, number);
    if (step.action === 'write') takeOver(site, step, number);
  }
}

/** Takes all steps, or none: returns the step before which something else was found, once all others are undone. */
function commitAll(site: Site, steps: readonly Step[], tell: (done: number) => void): Step | undefined {
  for (const [number, step] of steps.entries()) {
    if (commitStep(site, step, number) === 'changed') {
      for (let before = number - 1; before >= 0; before--) {
        const done = steps[before];
        if (done !== undefined) undoStep(site, done, before);
      }
      return step;
    }
    tell(number + 1);
  }
  return undefined;
}

/** Without a path: something, somewhere. */
export function changedMeanwhile({ cage }: Pick<Replacement, 'cage'>, path?: BytePath): IronError {
  const where = path === undefined ? '' : `: ${toText(path)}`;
  return new IronError('E_CONFLICT', {
    message: `${cage === undefined ? 'the host' : 'the cage'} changed something since this was planned${where}`,
    hint: 'nothing was changed; run the command again',
    details: { conflicts: path === undefined ? [] : [{ path: toText(path), kind: 'changed' }] },
  });
}

function interrupted(): IronError {
  return new IronError('E_IO', { message: 'interrupted; nothing was changed', hint: 'run the command again' });
}

function refuseUnsafePaths(writes: readonly HostWrite[]): void {
  for (const { path } of writes) {
    const why = path
      .split('/')
      .map(unsafeComponent)
      .find((reason) => reason !== undefined);
    if (why === undefined) continue;
    throw new IronError('E_REFUSED', {
      message: `refused to write ${JSON.stringify(toText(path))}`,
      because: `a part of the name ${why}`,
      hint: 'leave the file out; this is a protection of the host',
    });
  }
}
