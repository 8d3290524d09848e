// Base and work as the project's own commits have them: a submodule is the commit it stands at, and its files are in no tree of the project.
// For what becomes commits or mails; everything else goes by files.
import { baseStore } from './base.ts';
import { commitTree } from './base-store.ts';
import { fromText, toText, type BytePath } from './byte-path.ts';
import type { SkippedFile } from './copy-tree.ts';
import { treeWith } from './edited-tree.ts';
import { git } from './git.ts';
import { canBring, isOnHost } from './submodule-commits.ts';
import { submoduleMoves, type SubmoduleMove } from './submodule-moves.ts';
import { diffTrees } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

export interface Superproject {
  /** Its base is the one below. */
  workspace: PreparedWorkspace;
  /** What the cage has. */
  tree: string;
  submodules: ReadonlySet<BytePath>;
  /** Those that are in `tree`. */
  moves: readonly SubmoduleMove[];
  /** What no commit of the project can hold: changed files of submodules. */
  inside: readonly SkippedFile[];
}

/**
 * `tree`: the cage's, with all files. `moves`: `known` takes only those to commits that the submodule on the host has or can be given. The caller holds the
 * cage's lock.
 */
export async function asSuperproject(
  workspace: PreparedWorkspace,
  tree: string,
  moves: 'all' | 'known' = 'all',
): Promise<Superproject> {
  const { base } = workspace;
  const store = baseStore(base);
  const differences = await diffTrees(store, base.tree, tree, 'no-renames');
  const found = await submoduleMoves(workspace, tree, differences);
  const { taken, withheld } = await choose(workspace, found, moves);
  const before = new Map(base.submodules.map(({ path, commit }) => [fromText(path), commit]));
  if (before.size + taken.length === 0) return { workspace, tree, submodules: new Set(), moves: [], inside: withheld };
  const after = new Map<BytePath, string | undefined>(before);
  for (const { path, to } of taken) after.set(path, to);
  const paths = outermost([...before.keys(), ...after.keys()]);
  const submodules = new Set(paths);
  const within = (path: BytePath): BytePath | undefined => paths.find((at) => path.startsWith(`${at}/`));
  const inside = differences
    .filter(({ bytes }) => within(bytes.path) !== undefined)
    .map(({ path }) => ({ path, reason: 'it is a file of a submodule: ironcage apply brings it' }));
  const call = { gitDir: base.gitDir };
  const ownBase = await withSubmodules(workspace, base.tree, paths, before);
  const commit =
    ownBase === base.tree ? base.commit : await commitTree(call, { tree: ownBase, parents: [], message: 'base' });
  return {
    workspace: { ...workspace, base: { ...base, tree: ownBase, commit } },
    tree: await withSubmodules(workspace, tree, paths, after),
    ...{ submodules, moves: taken },
    inside: [...withheld, ...inside],
  };
}

async function withSubmodules(
  { base }: PreparedWorkspace,
  tree: string,
  paths: readonly BytePath[],
  commits: ReadonlyMap<BytePath, string | undefined>,
): Promise<string> {
  const store = baseStore(base);
  const { stdout } = await git(
    ['ls-tree', '-r', '-z', '--name-only', '--full-tree', tree, '--', ...paths.map(toText)],
    {
      gitDir: base.gitDir,
    },
  );
  const files = stdout.toString('latin1').split('\0').filter(Boolean);
  return treeWith(store, tree, [
    ...files.map((path) => ({ path, after: undefined })),
    ...paths.flatMap((path) => {
      const oid = commits.get(path);
      return oid === undefined ? [] : [{ path, after: { mode: '160000', oid } }];
    }),
  ]);
}

/** What lies in another submodule is no matter of the project's. */
function outermost(paths: readonly BytePath[]): BytePath[] {
  return [...new Set(paths)].filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
}

async function choose(
  workspace: PreparedWorkspace,
  moves: readonly SubmoduleMove[],
  which: 'all' | 'known',
): Promise<{ taken: SubmoduleMove[]; withheld: SkippedFile[] }> {
  const [taken, withheld]: [SubmoduleMove[], SkippedFile[]] = [[], []];
  for (const move of moves) {
    const { path, to } = move;
    if (which === 'all' || (await isOnHost(workspace, move)) || (await canBring(workspace, move))) taken.push(move);
    else
      withheld.push({
        path: toText(path),
        reason: `the submodule stands at ${to}, a commit that only the cage has: it has no repository here, or not all of the commit`,
      });
  }
  return { taken, withheld };
}
