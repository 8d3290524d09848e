// What git holds in a cage besides its files: commits on its branches and tags, and in stashes. The files of a cage, which all else is
// compared by, say nothing of them.
import { join } from 'node:path';
import { pathExists } from '../platform/files.ts';
import { baseStore } from './base.ts';
import { toText } from './byte-path.ts';
import { cagePosition } from './cage-position.ts';
import { git } from './git.ts';
import { readRefs } from './git-position.ts';
import { strayMoves } from './submodule-commits.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** A name with a commit that the project does not know. */
interface OwnRef {
  name: string;
  oid: string;
}

/** Names of those whose commit is neither the one that is checked out nor known to the project; none of a mounted project. */
export async function sideRefs(workspace: PreparedWorkspace): Promise<string[]> {
  return (await refsAside(workspace)).map(({ name }) => name);
}

async function refsAside(workspace: PreparedWorkspace): Promise<OwnRef[]> {
  const { strategy, base, lastAppliedTip } = workspace;
  // Its commits come back by themselves, from every branch.
  if (strategy === 'mount') return [];
  const position = await cagePosition(workspace);
  if (position === undefined) return [];
  const known = new Set([position.tip, base.head, lastAppliedTip]);
  const others = [...readRefs(repositoryOf(workspace))].filter(([, oid]) => !known.has(oid));
  const missing = await missingOf(workspace, others.map(([, oid]) => oid)); // prettier-ignore
  return others.flatMap(([name, oid]) => (missing.has(oid) ? [{ name: refName(name, oid), oid }] : []));
}

/**
 * The checked-out branch, or HEAD, of a cage with files of its own, where it has commits that the project does not know: neither their
 * objects, nor all that they came to when it was last applied. What they hold need not be in any file. And submodules with such commits.
 */
export async function ownCommits(workspace: PreparedWorkspace): Promise<string[]> {
  const tip = await ownTip(workspace);
  const inside = (await strayMoves(workspace)).map(({ path }) => `commits of the submodule ${toText(path)}`);
  return [...(tip === undefined ? [] : [tip.name]), ...inside];
}

async function ownTip(workspace: PreparedWorkspace): Promise<OwnRef | undefined> {
  const { base, lastAppliedTip } = workspace;
  const position = await cagePosition(workspace);
  if (position === undefined || [base.head, lastAppliedTip].includes(position.tip)) return undefined;
  const { tip: oid, branch = 'HEAD' } = position;
  return (await missingOf(workspace, [oid])).size === 0 ? undefined : { name: refName(branch, oid), oid };
}

/** Both, of the cage's own repository. */
export async function ownRefs(workspace: PreparedWorkspace): Promise<OwnRef[]> {
  if (workspace.strategy === 'mount') return [];
  const tip = await ownTip(workspace);
  return [...(await refsAside(workspace)), ...(tip === undefined ? [] : [tip])];
}

/** Whether a commit lies in the cage's own repository, as git keeps one that is young: what was packed since is not found. */
export function holdsCommit(workspace: PreparedWorkspace, oid: string): boolean {
  return pathExists(join(repositoryOf(workspace), 'objects', oid.slice(0, 2), oid.slice(2)));
}

function repositoryOf({ strategy, directories }: PreparedWorkspace): string {
  return join(strategy === 'overlay' ? directories.upper : directories.tree, '.git');
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
