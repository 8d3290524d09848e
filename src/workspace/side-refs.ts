// What git holds in a cage besides its files: commits on branches that are not checked out, on tags and in stashes. The files of a cage,
// which all else is compared by, say nothing of them.
import { join } from 'node:path';
import { baseStore } from './base.ts';
import { cagePosition } from './cage-position.ts';
import { git } from './git.ts';
import { readRefs } from './git-position.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** Names of those whose commit is neither the one that is checked out nor known to the project; none of a mounted project. */
export async function sideRefs(workspace: PreparedWorkspace): Promise<string[]> {
  const { strategy, directories, base } = workspace;
  // Its commits come back by themselves, from every branch.
  if (strategy === 'mount') return [];
  const position = await cagePosition(workspace);
  if (position === undefined) return [];
  const refs = readRefs(join(strategy === 'overlay' ? directories.upper : directories.tree, '.git'));
  const known = new Set([position.tip, base.head]);
  const others = [...refs].filter(([, oid]) => !known.has(oid));
  if (others.length === 0) return [];
  const call = { gitDir: baseStore(base).gitDir, input: others.map(([, oid]) => `${oid}\n`).join('') };
  const { stdout } = await git(['cat-file', '--batch-check'], call);
  const missing = new Set(stdout.toString('latin1').match(/^\S+(?= missing$)/gm));
  return others.filter(([, oid]) => missing.has(oid)).map(([name, oid]) => refName(name, oid));
}

function refName(name: string, oid: string): string {
  return name.startsWith('refs/stashed/') ? `stash ${oid.slice(0, 12)}` : name.replace(/^refs\/heads\//, 'branch ');
}
