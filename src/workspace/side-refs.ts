// What git holds in a cage besides its files: commits on its branches and tags, and in stashes. The files of a cage, which all else is
// compared by, say nothing of them.
import { join } from 'node:path';
import { baseStore } from './base.ts';
import { toText } from './byte-path.ts';
import { cagePosition } from './cage-position.ts';
import { git } from './git.ts';
import { readRefs } from './git-position.ts';
import { strayMoves } from './submodule-commits.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** Names of those whose commit is neither the one that is checked out nor known to the project; none of a mounted project. */
export async function sideRefs(workspace: PreparedWorkspace): Promise<string[]> {
  const { strategy, directories, base, lastAppliedTip } = workspace;
  // Its commits come back by themselves, from every branch.
  if (strategy === 'mount') return [];
  const position = await cagePosition(workspace);
  if (position === undefined) return [];
  const refs = readRefs(join(strategy === 'overlay' ? directories.upper : directories.tree, '.git'));
  const known = new Set([position.tip, base.head, lastAppliedTip]);
  const others = [...refs].filter(([, oid]) => !known.has(oid));
  const missing = await missingOf(workspace, others.map(([, oid]) => oid)); // prettier-ignore
  return others.filter(([, oid]) => missing.has(oid)).map(([name, oid]) => refName(name, oid));
}

/**
 * The checked-out branch, or HEAD, of a cage with files of its own, where it has commits that the project does not know: neither their
 * objects, nor all that they came to when it was last applied. What they hold need not be in any file. And submodules with such commits.
 */
export async function ownCommits(workspace: PreparedWorkspace): Promise<string[]> {
  const { base, lastAppliedTip } = workspace;
  const inside = (await strayMoves(workspace)).map(({ path }) => `commits of the submodule ${toText(path)}`);
  const position = await cagePosition(workspace);
  if (position === undefined || [base.head, lastAppliedTip].includes(position.tip)) return inside;
  const missing = await missingOf(workspace, [position.tip]);
  return missing.size === 0 ? inside : [refName(position.branch ?? 'HEAD', position.tip), ...inside];
}

/** Of these commits those that the store, and so the project, does not have. */
async function missingOf({ base }: PreparedWorkspace, oids: readonly string[]): Promise<Set<string>> {
  if (oids.length === 0) return new Set();
  const call = { gitDir: baseStore(base).gitDir, input: oids.map((oid) => `${oid}\n`).join('') };
  const { stdout } = await git(['cat-file', '--batch-check'], call);
  return new Set(stdout.toString('latin1').match(/^\S+(?= missing$)/gm));
}

function refName(name: string, oid: string): string {
  return name.startsWith('refs/stashed/') ? `stash ${oid.slice(0, 12)}` : name.replace(/^refs\/heads\//, 'branch ');
}
