// Whether a cage holds work that exists nowhere else: asked before anything is destroyed.
import { readdirSync } from 'node:fs';
import { recordCageTree } from './cage-tree.ts';
import { ownCommits, sideRefs } from './side-refs.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** True when the cage's files differ from the base and from what was last applied in full, or commits lie beside them. */
export async function hasUnexportedWork(workspace: PreparedWorkspace): Promise<boolean> {
  // What a cage writes into a mounted project is there already; its commits are all that can be missing.
  if (workspace.strategy === 'mount') {
    const { unreturnedRefs } = await import('./return-commits.ts');
    return unreturnedRefs(workspace).length > 0;
  }
  if (await hasUnexportedFiles(workspace)) return true;
  return (await sideRefs(workspace)).length > 0 || (await ownCommits(workspace)).length > 0;
}

/** Of a cage with files of its own. */
export async function hasUnexportedFiles(workspace: PreparedWorkspace): Promise<boolean> {
  if (isUntouched(workspace)) return false;
  const { tree } = await recordCageTree(workspace);
  return tree !== workspace.base.tree && tree !== workspace.lastApplied;
}

/** An overlay in whose layer nothing lies but its repository: the answer to most of a list, without any process. */
function isUntouched({ strategy, directories }: PreparedWorkspace): boolean {
  if (strategy !== 'overlay') return false;
  try {
    return readdirSync(directories.upper).every((name) => name === '.git');
  } catch {
    // Whoever looks into it says what is wrong.
    return false;
  }
}
