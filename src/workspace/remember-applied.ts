// What a cage had when all of its change was taken over: asked for before anything of it is destroyed.
import { cagePosition } from './cage-position.ts';
import { readWorkspaceRecord, writeWorkspaceRecord } from './workspace-file.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

/** Remembers the cage's tree as applied in full, and its commits as what led there. */
export async function rememberApplied(workspace: PreparedWorkspace, tree: string): Promise<void> {
  const directory = workspaceDirectory(workspace.storeDirectory);
  const record = await readWorkspaceRecord(directory);
  if (record === undefined) return;
  const { lastAppliedTip: _former, ...rest } = record;
  const tip = (await cagePosition(workspace))?.tip;
  writeWorkspaceRecord(directory, {
    ...rest,
    lastApplied: tree,
    ...(tip === undefined ? {} : { lastAppliedTip: tip }),
  });
}
