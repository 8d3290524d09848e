// Copies a cage's files into a directory of the host as it was planned: all of them or none, each whole or as it was, no link followed.
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathExists } from '../platform/files.ts';
import { refuseConflicts } from './apply.ts';
import type { Step } from './apply-steps.ts';
import { withoutRefused, type ExportPlan } from './plan-export.ts';
import { rememberApplied } from './remember-applied.ts';
import { orderWrites, replaceFiles, type Replacement } from './replace-files.ts';

export interface Exported {
  /** Paths of what the agent changed. */
  exported: readonly string[];
  leftOut: readonly string[];
}

/** `leaveOut`: paths as the plan shows them. Throws E_CONFLICT, with nothing changed, for what is not as planned. */
export async function exportFiles(
  plan: ExportPlan,
  { leaveOut, ...heard }: Pick<Replacement, 'step' | 'tell'> & { leaveOut: readonly string[] },
): Promise<Exported> {
  refuseConflicts(plan.conflicts);
  const { workspace, root } = plan;
  const taken = withoutRefused(plan, new Set(leaveOut));
  const seen = new Map(taken.writes.map((write) => [write.path, write.seen]));
  const writes = orderWrites(taken.writes);
  const steps = writes.map(({ path, after }): Step => {
    const before = seen.get(path);
    return {
      path,
      action: after === undefined ? 'delete' : 'write',
      ...(before === undefined ? {} : { seen: before }),
    };
  });
  if (writes.length > 0) {
    makeTarget(root);
    await replaceFiles(workspace, { root, writes, steps, ...heard });
  }
  const { conflicts, wouldDelete, protectedFiles, skipped } = plan;
  const stays = [conflicts, wouldDelete, protectedFiles, skipped, taken.leftOut].some((each) => each.length > 0);
  if (!stays) await rememberApplied(workspace, plan.work);
  const left = new Set(taken.leftOut);
  return { exported: plan.files.flatMap(({ path }) => (left.has(path) ? [] : [path])), leftOut: taken.leftOut };
}

/** What root makes in a user's directory belongs to that user. */
function makeTarget(path: string): void {
  if (pathExists(path)) return;
  makeTarget(dirname(path));
  mkdirSync(path);
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  chownSync(path, uid, gid);
}
