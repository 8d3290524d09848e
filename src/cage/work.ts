// The work in a cage, seen from the host: what changed, and how it gets back into the project.
import { IronError } from '../platform/errors.ts';
import { loadWorkspace, type PreparedWorkspace } from '../workspace/workspace.ts';
import type { CageSession } from './session.ts';

export async function requireWorkspace({
  spec,
  paths,
}: Pick<CageSession, 'spec' | 'paths'>): Promise<PreparedWorkspace> {
  const workspace = await loadWorkspace(paths.root);
  if (workspace !== undefined) return workspace;
  throw new IronError('E_WORKSPACE', {
    message: `the workspace of ${spec.name} is missing`,
    because: `there is no finished workspace below ${paths.root}`,
    hint: 'it was taken away by hand; remove the cage with `ironcage rm --discard` and make it anew',
  });
}
