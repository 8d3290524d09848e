// Whether a cage holds work that exists nowhere else: asked before anything is destroyed.
import { recordCageTree } from './cage-tree.ts';
import { sideRefs } from './side-refs.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** True when the cage's files differ from the base and from what was last applied in full, or commits lie beside them. */
export async function hasUnexportedWork(workspace: PreparedWorkspace): Promise<boolean> {
  // What a cage writes into a mounted project is there already; its commits are all that can be missing.
  if (workspace.strategy === 'mount') {
    const { unreturnedRefs } = await import('./return-commits.ts');
    return unreturnedRefs(workspace).length > 0;
  }
  return (await hasUnexportedFiles(workspace)) || (await sideRefs(workspace)).length > 0;
}

/** Of a cage with files of its own. */
export async function hasUnexportedFiles(workspace: PreparedWorkspace): Promise<boolean> {
  const { tree } = await recordCageTree(workspace);
  return tree !== workspace.base.tree && tree !== workspace.lastApplied;
}
