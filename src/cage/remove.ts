// Removing a cage: named work first, then the processes; the files go into the trash.
import { errorMessage, IronError } from '../platform/errors.ts';
import { printableLine } from '../platform/text.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { leaveProject } from './dirs-journal.ts';
import { removeEngineHoldings } from './engine-holdings.ts';
import { repairCage } from './repair.ts';
import { snapshotNames } from './snapshot-store.ts';
import { stopLocked } from './start.ts';
import { cageExists, cagePaths, noSuchCage, noteCageState, readCageState, withCageLock } from './store.ts';
import { emptyExpired, moveToTrash } from './trash.ts';
import { OF_CLONE, unexportedFiles } from './work.ts';
import { storedWorkspaces, storesOnDisk } from './workspaces.ts';

/** Throws E_UNEXPORTED that names the files when the cage holds work that is nowhere else, unless `discard`. */
export async function removeCage(context: Context, name: string, { discard }: { discard: boolean }): Promise<void> {
  if (!cageExists(context, name)) throw noSuchCage(name);
  await withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    if (!cageExists(context, name)) return;
    await endForRemoval(context, name, { discard });
    await moveAway(context, name, { discard });
  });
  emptyExpired(context);
}

/** Stops it, once nothing would be lost. The caller holds the cage's lock and has repaired it. Throws E_UNEXPORTED. */
export async function endForRemoval(context: Context, name: string, { discard }: { discard: boolean }): Promise<void> {
  await bringCommits(context, name);
  if (!discard) await refuseToLose(context, name);
  const couldWrite = readCageState(context, name).phase === 'running';
  await stopLocked(context, name);
  // What ran in it may have worked on while its work was looked at.
  if (!discard && couldWrite) await refuseToLose(context, name);
  if (!discard) await tellIgnored(context, name);
  context.step('remove: stopped');
}

/** Into the trash with it. Nothing of it runs. */
export async function moveAway(context: Context, name: string, { discard }: { discard: boolean }): Promise<void> {
  noteCageState(context, name, { phase: 'removing' });
  context.step('remove: announced');
  await removeEngineHoldings(context, name);
  for (const { storeDirectory } of storesOnDisk(context, name)) await leaveProject(storeDirectory);
  moveToTrash(context, name, { checked: !discard });
  context.step('remove: gone');
}

const NAMED_FILES = 20;

/** `dir`: only what the removal of this further directory would lose. */
export async function refuseToLose(context: Context, name: string, dir?: string): Promise<void> {
  const several = storesOnDisk(context, name).length > 1 ? ' --all' : '';
  const which = dir === undefined ? several : ` --dir ${dir}`;
  const [diff, apply] = ['diff', 'apply'].map((verb) => `\`ironcage ${verb} ${name}${which}\``);
  const lose = `\`ironcage ${dir === undefined ? `rm ${name}` : `remove-dir ${name} ${dir}`} --discard\``;
  const holder = dir === undefined ? `cage ${name}` : `the directory ${dir} of ${name}`;
  const files = await lostFiles(context, name, dir).catch((error: unknown) => {
    throw new IronError('E_UNEXPORTED', {
      message: `${holder} may hold work that is nowhere else`,
      because: `it cannot be looked at: ${errorMessage(error)}`,
      hint: `put that right and look with ${diff}, or lose what is in it with ${lose}`,
      cause: error,
    });
  });
  if (files.length === 0) return;
  const named = files.slice(0, NAMED_FILES);
  const isCommits = files.some((file) => COMMITS.test(file));
  const push = files.some((file) => file.startsWith(OF_CLONE))
    ? ' (of the clone: push it from where `ironcage show` says)'
    : '';
  const commits = isCommits
    ? ` (commits of the branch that is checked out: \`ironcage apply ${name}${dir === undefined ? '' : ` --dir ${dir}`} --branch NAME --keep-commits\`)`
    : '';
  throw new IronError('E_UNEXPORTED', {
    message: `${holder} holds work that is nowhere else: ${counted(files.length, isCommits)}`,
    because: `${named.join(', ')}${files.length > named.length ? ', …' : ''}`,
    hint: `look at it with ${diff}, take it with ${apply}${commits}${push}, or lose it with ${lose}`,
    details: { files },
  });
}

/** No change has them, so that nobody has decided about them; most are made again, so that nobody is asked. The trash keeps them. */
async function tellIgnored(context: Context, name: string): Promise<void> {
  const { ignoredWork } = await import('../workspace/ignored-work.ts');
  for (const { dir, workspace } of await storedWorkspaces(context, name)) {
    // Its files were looked at before; what nobody can read any more keeps nobody from removing the cage.
    const paths = await ignoredWork(workspace).catch(() => []);
    if (paths.length === 0) continue;
    const shown = paths.slice(0, NAMED_FILES).map(printableLine).join(', ');
    const of = dir === '' ? name : `the directory ${dir} of ${name}`;
    context.progress(
      `into the trash with ${of} goes what git ignores: ${shown}${paths.length > NAMED_FILES ? ', …' : ''} (back with \`ironcage restore --trash ${name}\`, then out with \`ironcage export --include-ignored\`)`,
    );
  }
}

/** As sideRefs names them; a file of such a name makes a hint too many. */
const COMMITS = /^(?:[\w-]+: )?(?:branch |stash |refs\/|commits of |HEAD$)/;

function counted(length: number, isCommits: boolean): string {
  const [one, many] = isCommits ? ['item', 'items'] : ['file', 'files'];
  return `${length} ${length === 1 ? one : many}`;
}

/** A snapshot keeps what it has of a directory that goes. */
async function lostFiles(context: Context, name: string, dir: string | undefined): Promise<string[]> {
  const own = await unexportedFiles(context, name, dir);
  if (dir !== undefined || snapshotNames(context, name).length === 0) return own;
  const { filesOnlyInSnapshots } = await import('./snapshot-work.ts');
  return [...own, ...(await filesOnlyInSnapshots(cagePaths(context, name).root))];
}
