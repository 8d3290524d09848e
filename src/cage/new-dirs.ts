// The workspaces of further directories, made before the spec that names them is written: whatever interrupts that leaves the cage
// with all of the new directories or with none.
import { IronError } from '../platform/errors.ts';
import { pathExists } from '../platform/files.ts';
import type { Context } from './context.ts';
import { announceDirs, settleDirs } from './dirs-journal.ts';
import type { CageSpec } from './spec.ts';
import { workspacePlaces } from './workspaces.ts';

/** Makes what `wanted` has beyond `spec`; `commit` writes `wanted`, and without that nothing of it stays. The caller holds the lock. */
export async function withNewDirs(
  context: Context,
  spec: CageSpec,
  wanted: CageSpec,
  commit: () => Promise<void>,
): Promise<void> {
  const added = addedNames(spec, wanted);
  if (added.length === 0) return commit();
  const places = workspacePlaces(context, wanted).filter(({ dir }) => added.includes(dir));
  const left = places.find(({ storeDirectory }) => pathExists(storeDirectory));
  if (left !== undefined) {
    throw new IronError('E_STATE_BROKEN', {
      message: `something of an earlier directory ${left.dir} is still there: ${left.storeDirectory}`,
      because: 'the spec does not know of it, and it may hold work',
      hint: 'choose another --name, or look at it and take it away by hand',
    });
  }
  announceDirs(context, spec.name, added);
  context.step('add-dir: announced');
  try {
    // Loaded here: a run that finds its cage as it is does not need it.
    const { layWorkspaces } = await import('./lay-workspaces.ts');
    await layWorkspaces(context, wanted, places);
    context.step('add-dir: workspace prepared');
    await commit();
  } finally {
    await settleDirs(context, spec.name);
  }
}

function addedNames(spec: CageSpec, wanted: CageSpec): string[] {
  return (wanted.dirs ?? [])
    .map((dir) => dir.name)
    .filter((dir) => spec.dirs?.some((had) => had.name === dir) !== true);
}
