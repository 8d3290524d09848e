// Whether a cage holds work that exists nowhere else: asked before anything is destroyed.
import { recordCageTree } from './cage-tree.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** True when the cage's files differ from the base and from what was last applied in full. */
export async function hasUnexportedWork(workspace: PreparedWorkspace): Promise<boolean> {
  const { tree } = await recordCageTree(workspace);
  return tree !== workspace.base.tree && tree !== workspace.lastApplied;
}
