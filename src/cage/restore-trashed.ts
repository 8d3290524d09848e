// A cage out of the trash: the way back from `rm`. All of it is written where the cage lies in the trash, and one rename brings it back,
// so that a crash leaves it either there or here.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { pathExists, readTextIfPresent } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { writeSealedFile } from '../platform/sealed-file.ts';
import type { Context } from './context.ts';
import { endOther, makeRoom, refuseTaken, type RoomOptions } from './make-room.ts';
import { parseCageName } from './names.ts';
import { parseSpec, type CageSpec } from './spec.ts';
import { writeState } from './state.ts';
import { cagePaths, withCageLock } from './store.ts';
import { findTrashed, trashDirectory } from './trash.ts';

export interface RestoredCage {
  cage: string;
  project: string;
  /** Whether the project is where the cage expects it. */
  projectIsThere: boolean;
}

/** `wanted` is an entry of the trash, or the name of a cage. Throws E_NO_CAGE, and E_CAGE_EXISTS unless `force`. */
export async function restoreTrashed(
  context: Context,
  wanted: string,
  options: RoomOptions & { name?: string | undefined },
): Promise<RestoredCage> {
  const entry = findTrashed(context, wanted);
  const name = parseCageName(options.name ?? entry.name);
  return withCageLock(context, name, async () => {
    const directory = join(trashDirectory(context), entry.id);
    const spec = readOwnSpec(directory);
    if (spec.source !== undefined && spec.name !== name) {
      throw new IronError('E_USAGE', {
        message: `${entry.name} comes back under its own name only`,
        because: 'its project is a clone that lies in its directory',
        hint: `ironcage restore --trash ${entry.id}`,
      });
    }
    await refuseTaken(context, name, options);
    await endOther(context, name, options);
    await makeRoom(context, name, options);
    if (spec.name !== name) {
      writeSealedFile(join(directory, 'spec.json'), `${JSON.stringify({ ...spec, name }, undefined, 2)}\n`);
    }
    context.step('restore: spec written');
    writeState(join(directory, 'state.json'), { phase: 'stopped' });
    context.step('restore: state written');
    renameSync(directory, cagePaths(context, name).root);
    context.step('restore: in place');
    return { cage: name, project: spec.project, projectIsThere: pathExists(spec.project) };
  });
}

/** Under whatever name: a restore under another one may have been cut off. */
function readOwnSpec(directory: string): CageSpec {
  const path = join(directory, 'spec.json');
  const text = readTextIfPresent(path) ?? '';
  const value = parseJson(text);
  const name = typeof value === 'object' && value !== null && 'name' in value ? String(value.name) : '';
  return parseSpec(text, path, name);
}
