// Takes all work out of a cage as it lies on disk, whatever is broken about it: no spec, no state, no engine and no lock is needed,
// nothing is repaired, and nothing in the cage is changed. What cannot be read is told, and keeps nothing else back.
import { lstatSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errorMessage, IronError } from '../platform/errors.ts';
import { makeDirectory, pathExists, writeFileAtomic } from '../platform/files.ts';
import { holdingInterrupts } from '../platform/interrupts.ts';
import { copyExactly } from '../workspace/exact-copy.ts';
import { directoriesOf, workspaceDirectory } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import { cageExists, cagePaths, noSuchCage } from './store.ts';
import { storesOnDisk } from './workspaces.ts';

export interface Salvaged {
  cage: string;
  directory: string;
  /** Paths below the directory, each with what it is. */
  taken: readonly { path: string; what: string }[];
  /** What could not be taken, and why. */
  failed: readonly { what: string; because: string }[];
}

interface Part {
  source: string;
  /** Below the directory. */
  path: string;
  what: string;
  isLayer?: boolean;
}

/** Throws E_NO_CAGE, E_USAGE. */
export async function salvageCage(context: Context, cage: string, directory: string): Promise<Salvaged> {
  if (!cageExists(context, cage)) throw noSuchCage(cage);
  const target = resolve(context.cwd, directory);
  refuseFilled(target);
  makeDirectory(target, 0o755);
  const taken: { path: string; what: string }[] = [];
  const failed: { what: string; because: string }[] = [];
  await holdingInterrupts(async (interrupted) => {
    for (const { source, path, what, isLayer } of partsOf(context, cage)) {
      try {
        const stat = lstatSync(source, { throwIfNoEntry: false });
        if (stat === undefined) continue;
        if (!stat.isDirectory()) throw new Error('it is no directory');
        makeDirectory(dirname(join(target, path)), 0o755);
        const leftOut = await copyExactly({ source, target: join(target, path), isLayer, interrupted });
        taken.push({ path, what });
        for (const file of leftOut) failed.push({ what: `${what}: ${file.path}`, because: file.reason });
      } catch (error) {
        interrupted.throwIfAborted();
        failed.push({ what, because: errorMessage(error) });
      }
    }
  });
  const outcome = { cage, directory: target, taken, failed };
  writeFileAtomic(join(target, 'salvaged.json'), `${JSON.stringify(outcome, undefined, 2)}\n`);
  return outcome;
}

function refuseFilled(target: string): void {
  if (!pathExists(target)) return;
  if (lstatSync(target).isDirectory() && readdirSync(target).length === 0) return;
  throw new IronError('E_USAGE', {
    message: `${target} is there already, and is not empty`,
    hint: 'name a directory that is new: nothing is written over',
  });
}

/** No key, no secret and no program of the cage is among them. */
function partsOf(context: Context, cage: string): Part[] {
  const { home, runs, messages, egress, bus } = cagePaths(context, cage);
  const workspaces = storesOnDisk(context, cage).flatMap(({ dir, storeDirectory }): Part[] => {
    const { upper, tree } = directoriesOf(workspaceDirectory(storeDirectory));
    const below = dir === '' ? 'project' : join('dirs', dir);
    const whose = dir === '' ? 'the project' : `the directory ${dir}`;
    return [
      { source: tree, path: join(below, basename(tree)), what: `${whose}, as the cage has it` },
      {
        source: upper,
        path: join(below, 'changed'),
        what: `what was written over ${whose}, with the marks of what was deleted`,
        isLayer: true,
      },
    ];
  });
  return [
    ...workspaces,
    { source: home, path: 'home', what: 'its home' },
    { source: runs, path: 'runs', what: 'what its agents said' },
    { source: messages, path: 'messages', what: 'its messages' },
    { source: bus, path: 'bus', what: 'what was on its way' },
    { source: egress.audit, path: 'audit', what: 'the record of its traffic' },
  ];
}
