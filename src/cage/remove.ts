// Removing a cage: named work first, then the processes, then the files.
import { errorMessage, IronError } from '../platform/errors.ts';
import { removeTree } from '../platform/files.ts';
import { loadWorkspace } from '../workspace/workspace.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { removeEngineHoldings } from './engine-holdings.ts';
import { repairCage } from './repair.ts';
import { stopLocked } from './start.ts';
import {
  cageExists,
  cagePaths,
  cagesDirectory,
  noSuchCage,
  noteCageState,
  readCageState,
  withCageLock,
} from './store.ts';
import { unexportedFiles } from './work.ts';

/** Throws E_UNEXPORTED that names the files when the cage holds work that is nowhere else, unless `discard`. */
export async function removeCage(context: Context, name: string, { discard }: { discard: boolean }): Promise<void> {
  if (!cageExists(context, name)) throw noSuchCage(name);
  await withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    if (!cageExists(context, name)) return;
    await bringCommits(context, name);
    if (!discard) await refuseToLose(context, name);
    const couldWrite = readCageState(context, name).phase === 'running';
    await stopLocked(context, name);
    // What ran in it may have worked on while its work was looked at.
    if (!discard && couldWrite) await refuseToLose(context, name);
    context.step('remove: stopped');
    noteCageState(context, name, { phase: 'removing' });
    context.step('remove: announced');
    await removeEngineHoldings(context, name);
    const { root, spec } = cagePaths(context, name);
    await leaveProject(root);
    removeTree(spec, root);
    context.step('remove: spec gone');
    removeTree(root, cagesDirectory(context));
    context.step('remove: gone');
  });
}

/** Takes away what stood in a mounted project for the cage. A record that cannot be read keeps no cage from being removed. */
async function leaveProject(root: string): Promise<void> {
  const workspace = await loadWorkspace(root).catch(() => undefined);
  if (workspace?.strategy !== 'mount') return;
  const { removePlace } = await import('../workspace/mount-guard.ts');
  removePlace(workspace);
}

const NAMED_FILES = 20;

async function refuseToLose(context: Context, name: string): Promise<void> {
  const files = await unexportedFiles(context, name).catch((error: unknown) => {
    throw new IronError('E_UNEXPORTED', {
      message: `cage ${name} may hold work that is nowhere else`,
      because: `it cannot be looked at: ${errorMessage(error)}`,
      hint: `put that right and look with \`ironcage diff ${name}\`, or lose what is in it with \`ironcage rm ${name} --discard\``,
      cause: error,
    });
  });
  if (files.length === 0) return;
  const named = files.slice(0, NAMED_FILES);
  throw new IronError('E_UNEXPORTED', {
    message: `cage ${name} holds work that is nowhere else: ${files.length} ${files.length === 1 ? 'file' : 'files'}`,
    because: `${named.join(', ')}${files.length > named.length ? ', …' : ''}`,
    hint: `look at it with \`ironcage diff ${name}\`, take it with \`ironcage apply ${name}\`, or lose it with \`ironcage rm ${name} --discard\``,
    details: { files },
  });
}
