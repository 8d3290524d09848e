// Further directories that are being added or removed: their names, from before the first change until the spec says how it ended.
// What stands here and not in the spec was never worked in, or was given up on purpose; nothing else is ever taken away.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { pathExists, readTextIfPresent, removeTree, writeFileAtomic } from '../platform/files.ts';
import { loadWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import { isCageName } from './names.ts';
import { cagePaths, readSpec } from './store.ts';

function journalFile(context: Context, name: string): string {
  return join(cagePaths(context, name).root, 'changing-dirs.json');
}

export function isChangingDirs(context: Context, name: string): boolean {
  return pathExists(journalFile(context, name));
}

export function announceDirs(context: Context, name: string, dirs: readonly string[]): void {
  writeFileAtomic(journalFile(context, name), `${JSON.stringify(dirs)}\n`);
}

/** Takes away what the spec does not name; under a spec that cannot be read, nothing. The caller holds the lock; returns the names of what went. */
export async function settleDirs(context: Context, name: string): Promise<string[]> {
  const file = journalFile(context, name);
  const names = parseNames(readTextIfPresent(file) ?? '', file);
  const spec = await readSpec(context, name).catch(() => undefined);
  if (spec === undefined) return [];
  const { dirs = [] } = spec;
  const { dirs: stores, root } = cagePaths(context, name);
  const gone = names.filter((dir) => !dirs.some((kept) => kept.name === dir) && pathExists(join(stores, dir)));
  for (const dir of gone) {
    await leaveProject(join(stores, dir));
    removeTree(join(stores, dir), root);
  }
  removeTree(file, root);
  return gone;
}

/** Takes away what stood in a mounted directory for the cage. A record that cannot be read keeps nothing from being removed. */
export async function leaveProject(storeDirectory: string): Promise<void> {
  const workspace = await loadWorkspace(storeDirectory).catch(() => undefined);
  if (workspace?.strategy !== 'mount') return;
  const { removePlace } = await import('../workspace/mount-guard.ts');
  removePlace(workspace);
}

function parseNames(text: string, file: string): string[] {
  const names = parseJson(text);
  if (Array.isArray(names) && names.every((name): name is string => typeof name === 'string' && isCageName(name)))
    return names;
  throw new IronError('E_STATE_BROKEN', {
    message: `which directories of the cage were being changed cannot be read: ${file}`,
    hint: 'remove that file; what lies in `dirs` beside it and is not in the spec is then yours to keep or to remove',
    details: { path: file },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told as a file of the wrong form.
    return undefined;
  }
}
