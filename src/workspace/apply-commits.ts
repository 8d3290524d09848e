// Puts the agent's commits onto a new branch of the project as they are, with author, time and message, and what was not committed as a
// last one. Objects only, and checked: no work tree, no index, no hook, no branch that exists.
import { IronError } from '../platform/errors.ts';
import { refuseConflicts } from './apply.ts';
import { bringMoves, createBranch, refuseBranch, type AppliedToBranch } from './apply-branch.ts';
import { commitTree } from './base-store.ts';
import { withCageCommits, type CageCommits } from './cage-commits.ts';
import { readEffectiveConfig } from './git.ts';
import { guardChange, type HostExecutableFile } from './guard-change.ts';
import { handOver } from './hand-over.ts';
import { hostGitRuns } from './host-git-runs.ts';
import { mergeTrees } from './merge-trees.ts';
import { uncommitted } from './patches.ts';
import type { ApplyPlan } from './plan-apply.ts';
import { inspectProject } from './project.ts';
import { rememberApplied } from './remember-applied.ts';
import { diffTrees, type TreeDifference } from './tree-diff.ts';

/**
 * The tip is kept as `refs/ironcage/CAGE/BRANCH` too. Throws E_CONFLICT with nothing changed. `guard` hears, and may throw because, of
 * files that can run on the host, are in one of the commits, and are not in the plan.
 */
export async function applyCommits(
  plan: ApplyPlan,
  branch: string,
  cageName: string,
  guard: (files: readonly HostExecutableFile[]) => void,
): Promise<AppliedToBranch> {
  const { workspace } = plan;
  const { base } = workspace;
  const { git: repository } = await inspectProject(workspace.projectRoot);
  if (repository === undefined || base.head === undefined)
    throw noCommits(cageName, 'the project has no commit to begin at');
  await refuseBranch(repository, branch);
  const { head } = base;
  return withCageCommits(
    workspace,
    { message: ({ message }) => message, submodules: new Set(plan.moves.map(({ path }) => path)) },
    async ({ store, commits, carried }) => {
      const tip = commits.at(-1);
      if (tip === undefined) throw noCommits(cageName, 'nothing was committed in the cage');
      const last = carried.at(-1) ?? { oid: base.commit, tree: base.tree };
      const theirs = await uncommitted(workspace, store, { from: last.tree, to: plan.cage, committed: tip.tree });
      const merge = await mergeTrees(store, { baseTree: last.tree, baseCommit: last.oid, ours: tip.tree, theirs });
      refuseConflicts(merge.conflicts);
      const changed = await diffTrees(store, `${head}^{tree}`, merge.tree);
      if (changed.some((file) => file.after?.mode === '160000' && !isPlannedMove(plan, file)))
        throw addsRepository(cageName);
      guard(await unplanned(plan, store, head, [...commits.map(({ tree }) => tree), merge.tree]));
      const message = `Uncommitted work of the cage ${cageName}`;
      const commit =
        merge.tree === tip.tree ? tip.oid : await commitTree({ gitDir: store.gitDir }, { tree: merge.tree, parents: [tip.oid], message }); // prettier-ignore
      await handOver(store, repository, { include: [commit], exclude: [head] });
      await bringMoves(plan, [], cageName);
      const identity = { name: 'ironcage', email: 'ironcage@localhost' };
      await createBranch(repository, { branch, commit, cageName, identity });
      if (plan.stays.length === 0) await rememberApplied(workspace, plan.work);
      return { branch, commit, applied: changed.map(({ path }) => path), leftOut: [] };
    },
  );
}

function isPlannedMove({ moves }: ApplyPlan, { bytes, after }: TreeDifference): boolean {
  return moves.some(({ path, to }) => path === bytes.path && to === after?.oid);
}

/** A file that a later commit takes away is there for whoever checks an earlier one out, as a rebase or a bisect does. */
async function unplanned(
  { workspace, hostExecutable }: ApplyPlan,
  store: CageCommits['store'],
  head: string,
  trees: readonly string[],
): Promise<HostExecutableFile[]> {
  const start = `${head}^{tree}`;
  // What the user had not committed is theirs, also where the agent committed it.
  const seen = new Set((await diffTrees(store, start, workspace.base.tree)).map(sideOf));
  const planned = new Set(hostExecutable.map(({ path, content }) => `${content} ${path}`));
  const project = await inspectProject(workspace.projectRoot);
  const settings = await readEffectiveConfig(project.git?.gitDir);
  const place = { root: project.root, runs: hostGitRuns(project, settings) };
  const found: HostExecutableFile[] = [];
  for (const tree of trees) {
    const fresh = (await diffTrees(store, start, tree)).filter((file) => !seen.has(sideOf(file)));
    for (const file of fresh) seen.add(sideOf(file));
    if (fresh.length > 0) found.push(...(await guardChange(store, tree, fresh, place)));
  }
  return found.filter(({ path, content }) => !planned.has(`${content} ${path}`));
}

function sideOf({ bytes, after }: TreeDifference): string {
  return `${after?.mode ?? ''} ${after?.oid ?? ''} ${bytes.path}\0${bytes.from ?? ''}`;
}

function noCommits(cageName: string, because: string): IronError {
  return new IronError('E_WORKSPACE', {
    message: `there are no commits of ${cageName} to keep`,
    because,
    hint: 'leave --keep-commits out: then all of the change becomes one commit',
  });
}

function addsRepository(cageName: string): IronError {
  return new IronError('E_REFUSED', {
    message: `commits of ${cageName} add or move a repository within the repository`,
    because: 'it is new, or its commit is one that only the cage has',
    hint: 'leave --keep-commits out: then its files come, and not its commit',
  });
}
