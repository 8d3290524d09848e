// Puts a cage's change onto a new branch of the project: one commit on top of HEAD, made in our store and handed over as a
// checked pack. Never touches the work tree, the index or any branch that exists; runs no hook.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { refuseConflicts, type Applied, type ApplyOptions } from './apply.ts';
import { baseStore, readHead } from './base.ts';
import { commitTree, EMPTY_TREE } from './base-store.ts';
import { toText } from './byte-path.ts';
import { treeWith } from './edited-tree.ts';
import { git, gitLine, readEffectiveConfig } from './git.ts';
import { giveToOwner, handOver } from './hand-over.ts';
import { mergeTrees } from './merge-trees.ts';
import { hostWrites, withoutLeftOut, type ApplyPlan } from './plan-apply.ts';
import { inspectProject, type Repository } from './project.ts';
import { rememberApplied } from './remember-applied.ts';
import { changedMeanwhile } from './replace-files.ts';
import { bringSubmodule } from './submodule-commits.ts';
import { diffTrees } from './tree-diff.ts';

export interface BranchOptions extends ApplyOptions {
  /** First line of the commit. */
  message?: string | undefined;
  /** The tip is kept as `refs/ironcage/CAGE/BRANCH` too. */
  cageName?: string | undefined;
}

export interface AppliedToBranch extends Applied {
  branch: string;
  commit: string;
}

/**
 * Creates `refs/heads/<branch>` with the cage's change merged into HEAD. What the user had not committed when the cage was
 * made is no part of it, unless the cage changed the same file: that is a conflict.
 */
export async function applyToBranch(
  plan: ApplyPlan,
  branch: string,
  options: BranchOptions = {},
): Promise<AppliedToBranch> {
  const { workspace } = plan;
  const project = await inspectProject(workspace.projectRoot);
  const repository = project.git;
  if (repository === undefined) throw noRepository(project.root);
  await refuseBranch(repository, branch);

  const store = baseStore(workspace.base);
  const head = await readHead(project);
  const headTree =
    head === undefined
      ? EMPTY_TREE[store.objectFormat]
      : await gitLine(['rev-parse', '--verify', `${head}^{tree}`], { gitDir: repository.gitDir });
  // What was shown and decided is what would come upon another commit.
  if (head !== undefined && plan.onto === 'head' && plan.host !== headTree) throw changedMeanwhile({});
  // Without any commit the branch begins with all of the cage's files.
  const merge =
    head === undefined
      ? { tree: plan.cage, conflicts: [] }
      : await mergeTrees(store, {
          baseTree: plan.base,
          baseCommit: workspace.base.commit,
          ours: headTree,
          theirs: plan.cage,
        });
  refuseConflicts(merge.conflicts);
  const differences = await diffTrees(store, headTree, merge.tree);
  const { taken, leftOut } = withoutLeftOut(differences, options.leaveOut ?? []);
  if (taken.length === 0) throw nothingToApply(branch);
  const tree = leftOut.length === 0 ? merge.tree : await treeWith(store, headTree, hostWrites(taken));

  const user = await readEffectiveConfig(repository.gitDir);
  const identity = { name: user.get('user.name') ?? 'ironcage', email: user.get('user.email') ?? 'ironcage@localhost' };
  const commit = await commitTree(
    { gitDir: store.gitDir },
    {
      tree,
      parents: head === undefined ? [] : [head],
      message: options.message ?? 'Apply the change of a cage',
      identity,
      time: `@${Math.floor(Date.now() / 1000)} +0000`,
    },
  );
  await handOver(store, repository, { include: [commit], exclude: head === undefined ? [] : [head] });
  await bringMoves(plan, options.leaveOut ?? [], options.cageName ?? 'cage');
  await createBranch(repository, { branch, commit, cageName: options.cageName, identity });
  if (leftOut.length + plan.stays.length === 0) await rememberApplied(workspace, plan.work);
  return { branch, commit, applied: taken.map((file) => file.path), leftOut: leftOut.map((file) => file.path) };
}

/** Commits of submodules, before anything names them: git on the host would look for them in vain. */
export async function bringMoves(plan: ApplyPlan, leaveOut: readonly string[], cageName: string): Promise<void> {
  const refused = new Set(leaveOut);
  for (const move of plan.moves)
    if (!refused.has(toText(move.path))) await bringSubmodule(plan.workspace, move, cageName);
}

/** The branch and what keeps its tip, both or neither. Runs no hook. */
export async function createBranch(
  repository: Repository,
  request: { branch: string; commit: string; cageName: string | undefined; identity: { name: string; email: string } },
): Promise<void> {
  const { branch, commit, cageName, identity } = request;
  const own = `refs/heads/${branch}`;
  const kept = cageName === undefined ? [] : [`refs/ironcage/${cageName}/${branch}`];
  const input = [`create ${own}\0${commit}\0`, ...kept.map((ref) => `update ${ref}\0${commit}\0\0`)].join('');
  await git(['update-ref', '--no-deref', '--stdin', '-z'], {
    gitDir: repository.gitDir,
    input,
    extraEnv: { GIT_COMMITTER_NAME: identity.name, GIT_COMMITTER_EMAIL: identity.email },
  });
  for (const path of [own, ...kept].flatMap((ref) => [ref, `logs/${ref}`]))
    giveToOwner(join(repository.commonDir, path), repository.commonDir);
}

/** Throws E_NAME, and E_CONFLICT for one that exists. */
export async function refuseBranch(repository: Repository, branch: string): Promise<void> {
  const reference = `refs/heads/${branch}`;
  const call = { gitDir: repository.gitDir, accept: [0, 1, 128] };
  const valid = !branch.startsWith('-') && branch !== 'HEAD' && !branch.includes('\0');
  if (!valid || (await git(['check-ref-format', reference], call)).exitCode !== 0) {
    throw new IronError('E_NAME', {
      message: `${JSON.stringify(branch)} is no name for a branch`,
      hint: 'use letters, digits, dots, dashes and slashes, for example cage/fix-login',
    });
  }
  if ((await git(['show-ref', '--verify', '--quiet', reference], call)).exitCode !== 0) return;
  throw new IronError('E_CONFLICT', {
    message: `the branch ${branch} exists already`,
    hint: 'choose another name; nothing was changed',
    details: { branch },
  });
}

function noRepository(root: string): IronError {
  return new IronError('E_NO_PROJECT', {
    message: `${root} is no git repository`,
    hint: 'apply to the working tree instead',
    details: { root },
  });
}

function nothingToApply(branch: string): IronError {
  return new IronError('E_WORKSPACE', {
    message: `there is nothing to put on the branch ${branch}`,
    because: 'the project’s HEAD holds all of the change that was not left out',
    hint: 'see what the cage changed with `ironcage diff`',
  });
}
