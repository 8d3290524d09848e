// Several changes side by side: which files each of them touched, and where two of them came to the same contents.
import { join } from 'node:path';
import type { PieceWriter } from '../platform/processes.ts';
import { baseStore } from './base.ts';
import type { Change } from './change.ts';
import { gitInto } from './git.ts';
import { diffTrees, type DiffFile } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface ComparedFile {
  path: string;
  /** By the place of the change in what was compared; undefined where it leaves the file alone. */
  in: (ComparedSide | undefined)[];
}

interface ComparedSide extends Pick<DiffFile, 'change' | 'insertions' | 'deletions' | 'binary'> {
  /** The same for all that came to the same contents and mode; 0 for the first outcome, 1 for the next one. */
  outcome: number;
}

export interface ChangeOf {
  workspace: PreparedWorkspace;
  change: Pick<Change, 'base' | 'tree'>;
}

/** Every file that one of them changed, by its path. */
export async function compareChanges(changes: readonly ChangeOf[]): Promise<ComparedFile[]> {
  const files = new Map<string, { side: ComparedSide; contents: string }[]>();
  for (const [index, { workspace, change }] of changes.entries()) {
    const differences = await diffTrees(baseStore(workspace.base), change.base, change.tree, 'no-renames');
    for (const { path, change: kind, insertions, deletions, binary, after } of differences) {
      const sides = files.get(path) ?? [];
      const contents = after === undefined ? 'gone' : `${after.mode} ${after.oid}`;
      sides[index] = { side: { change: kind, insertions, deletions, binary, outcome: 0 }, contents };
      files.set(path, sides);
    }
  }
  const paths = [...files.keys()].sort();
  return paths.map((path) => {
    const sides = files.get(path) ?? [];
    const outcomes = [...new Set(Array.from(sides, (side) => side?.contents).filter((text) => text !== undefined))];
    return {
      path,
      in: changes.map((_change, index) => {
        const found = sides[index];
        return found && { ...found.side, outcome: outcomes.indexOf(found.contents) };
      }),
    };
  });
}

/** What would have to change in the first for the second, as git prints it; hostile bytes. Both are of one project. */
export async function differenceOfChanges(first: ChangeOf, second: ChangeOf, write: PieceWriter): Promise<void> {
  const store = baseStore(first.workspace.base);
  const other = join(baseStore(second.workspace.base).gitDir, 'objects');
  const args = ['diff-tree', '-r', '-M', '-l2000', '--no-ext-diff', '--no-textconv', '--no-color', '--patch'];
  // In C-style quotes: a path may hold what separates these.
  const extraEnv = { GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(other) };
  await gitInto([...args, first.change.tree, second.change.tree], { gitDir: store.gitDir, extraEnv }, write);
}
