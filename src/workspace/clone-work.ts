// What a clone on the host holds that its remote does not: asked before the clone goes. Changes nothing in it.
import { join } from 'node:path';
import { pathExists } from '../platform/files.ts';
import { splitRecords, toText } from './byte-path.ts';
import { git } from './git.ts';

/** Branches with commits of their own, stashes, and changed or new files, each as a text for people. */
export async function unpushedWork(clone: string): Promise<string[]> {
  if (!pathExists(clone)) return [];
  const call = { gitDir: join(clone, '.git'), workTree: clone };
  const { stdout } = await git(
    ['for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/stash', 'refs/ironcage'],
    call,
  );
  const refs = stdout.toString('utf8').split('\n').filter(Boolean);
  const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { ...call, accept: [0, 1] });
  const own: string[] = [];
  for (const ref of [...refs, ...(head.exitCode === 0 ? ['HEAD'] : [])]) {
    const args = [
      'rev-list',
      '--max-count=1',
      ref,
      '--not',
      '--remotes',
      '--tags',
      ...(ref === 'HEAD' ? ['--branches'] : []),
    ];
    if ((await git(args, call)).stdout.length > 0) own.push(ref.replace(/^refs\/heads\//, 'branch '));
  }
  const status = await git(['status', '--porcelain', '-z', '--untracked-files=all', '--no-renames'], call);
  return [...own, ...splitRecords(status.stdout).map((record) => toText(record.slice(3)))];
}
