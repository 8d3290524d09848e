// Further directories of a cage that is there: added and removed, each with a workspace and a base of its own. The cage is made anew
// from its spec for that, so nobody may be in it; everything else of it stays as it is.
import { errorMessage, IronError, toIronError } from '../platform/errors.ts';
import { refuseInUse, stopForChange } from './adapt.ts';
import { bringCommits } from './bring-commits.ts';
import type { Context } from './context.ts';
import { announceDirs, settleDirs } from './dirs-journal.ts';
import { withNewDirs } from './new-dirs.ts';
import { refuseToLose } from './remove.ts';
import { repairCage } from './repair.ts';
import type { CageSpec, SpecDir } from './spec.ts';
import { startAgain } from './start-again.ts';
import type { CageState } from './state.ts';
import { readCageState, readSpec, withCageLock, writeSpec } from './store.ts';
import { mergeDirs } from './wanted-dirs.ts';
import { placeOf } from './workspaces.ts';

export interface DirsView {
  cage: string;
  dirs: readonly SpecDir[];
}

/** Throws E_LOCKED while the cage is in use, E_NO_PROJECT for what cannot be one. A cage that runs is started again. */
export async function addDir(
  context: Context,
  name: string,
  path: string,
  options: { name?: string | undefined } = {},
): Promise<DirsView> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const spec = await readSpec(context, name);
    await refuseInUse(context, name);
    const dirs = await mergeDirs(context, spec, spec.dirs ?? [], [{ path, name: options.name }]);
    if (dirs.length === spec.dirs?.length) return { cage: name, dirs };
    const before = readCageState(context, name);
    const wanted = { ...spec, dirs };
    await withNewDirs(context, spec, wanted, async () => {
      await stopForChange(context, name);
      writeSpec(context, wanted);
      context.step('add-dir: spec written');
    });
    context.step('add-dir: written');
    try {
      await startAgain(context, name, before);
    } catch (error) {
      throw await takeBack(context, spec, before, error);
    }
    return { cage: name, dirs };
  });
}

/** Throws E_UNEXPORTED that names the files when the directory holds work that is nowhere else, unless `discard`. */
export async function removeDir(
  context: Context,
  name: string,
  dir: string,
  { discard }: { discard: boolean },
): Promise<DirsView> {
  return withCageLock(context, name, async () => {
    for (const line of await repairCage(context, name)) context.progress(line);
    const spec = await readSpec(context, name);
    if (dir === '') throw projectStays(name);
    placeOf(context, spec, dir);
    await refuseInUse(context, name);
    await bringCommits(context, name);
    if (!discard) await refuseToLose(context, name, dir);
    const before = readCageState(context, name);
    await stopForChange(context, name);
    // What ran in it may have worked on while its work was looked at.
    if (!discard && before.phase === 'running') await refuseToLose(context, name, dir);
    const { dirs = [], ...rest } = spec;
    const kept = dirs.filter((each) => each.name !== dir);
    announceDirs(context, name, [dir]);
    context.step('remove-dir: announced');
    writeSpec(context, kept.length === 0 ? rest : { ...spec, dirs: kept });
    context.step('remove-dir: spec written');
    await settleDirs(context, name);
    context.step('remove-dir: gone');
    await startAgain(context, name, before);
    return { cage: name, dirs: kept };
  });
}

function projectStays(name: string): IronError {
  return new IronError('E_USAGE', {
    message: 'the project of a cage cannot be removed from it',
    hint: `ironcage rm ${name} removes the whole cage`,
  });
}

/** A cage that does not start with what is new is taken back to what it was. */
async function takeBack(context: Context, spec: CageSpec, before: CageState, error: unknown): Promise<IronError> {
  const { name } = spec;
  const { dirs = [] } = await readSpec(context, name);
  const cause = toIronError(error);
  let stands = 'it is as it was before';
  try {
    announceDirs(
      context,
      name,
      dirs.map((dir) => dir.name),
    );
    writeSpec(context, spec);
    await settleDirs(context, name);
    await startAgain(context, name, before);
  } catch (failure) {
    stands = `it could not be taken back (${errorMessage(failure)})`;
  }
  return new IronError(cause.code, {
    message: `the cage ${name} does not start with the new directory; ${stands}`,
    because: [cause.message, ...cause.reasons],
    hint: cause.hint,
    cause,
  });
}
