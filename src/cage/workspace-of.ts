// The workspace that belongs to a cage.
import { IronError } from '../platform/errors.ts';
import { loadWorkspace, type PreparedWorkspace } from '../workspace/workspace.ts';
import type { Context } from './context.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths } from './store.ts';

/** Throws E_WORKSPACE when a cage that was made has none any more. */
export async function requireWorkspace(context: Context, spec: Pick<CageSpec, 'name'>): Promise<PreparedWorkspace> {
  const { root } = cagePaths(context, spec.name);
  const workspace = await loadWorkspace(root);
  if (workspace !== undefined) return workspace;
  throw new IronError('E_WORKSPACE', {
    message: `the workspace of ${spec.name} is missing`,
    because: `there is no finished workspace below ${root}`,
    hint: 'it was taken away by hand; remove the cage with `ironcage rm --discard` and make it anew',
  });
}
