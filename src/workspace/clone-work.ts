// What a clone on the host holds that its remote does not: asked before the clone goes. Changes nothing in it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathExists, readTextIfPresent } from '../platform/files.ts';
import { splitRecords, toText } from './byte-path.ts';
import { git, type GitCall } from './git.ts';

/** Of the clone’s repository: what the remote’s tags were. A tag that is made later says nothing of what the remote has. */
const REMOTE_TAGS = 'ironcage-remote-tags';

/** To be called once, of a clone that nobody has worked in. */
export async function noteRemoteTags(clone: string): Promise<void> {
  const gitDir = join(clone, '.git');
  const { stdout } = await git(['for-each-ref', '--format=%(objectname)', 'refs/tags'], { gitDir });
  writeFileSync(join(gitDir, REMOTE_TAGS), stdout, { mode: 0o600 });
}

/** Branches and tags with commits of their own, stashes, and changed or new files, each as a text for people. */
export async function unpushedWork(clone: string): Promise<string[]> {
  if (!pathExists(clone)) return [];
  const call = { gitDir: join(clone, '.git'), workTree: clone };
  const remoteTags = linesOf(readTextIfPresent(join(call.gitDir, REMOTE_TAGS)) ?? '');
  const input = remoteTags.map((oid) => `^${oid}\n`).join('');
  const own: string[] = [];
  for (const ref of await ownRefs(call, new Set(remoteTags))) {
    const not = ['--not', '--remotes', ...(ref === 'HEAD' ? ['--branches'] : [])];
    const args = ['rev-list', '--max-count=1', '--ignore-missing', '--stdin', ref, ...not];
    if ((await git(args, { ...call, input })).stdout.length > 0)
      own.push(ref.replace(/^refs\/heads\//, 'branch ').replace(/^refs\/tags\//, 'tag '));
  }
  const status = await git(['status', '--porcelain', '-z', '--untracked-files=all', '--no-renames'], call);
  return [...own, ...splitRecords(status.stdout).map((record) => toText(record.slice(3)))];
}

/** Less the tags that came with the clone. */
async function ownRefs(call: GitCall, remoteTags: ReadonlySet<string>): Promise<string[]> {
  const places = ['refs/heads', 'refs/stash', 'refs/ironcage', 'refs/tags'];
  const { stdout } = await git(['for-each-ref', '--format=%(objectname) %(refname)', ...places], call);
  const refs = linesOf(stdout.toString('utf8')).flatMap((line) => {
    const [oid = '', ...name] = line.split(' ');
    const ref = name.join(' ');
    return ref.startsWith('refs/tags/') && remoteTags.has(oid) ? [] : [ref];
  });
  const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { ...call, accept: [0, 1] });
  return head.exitCode === 0 ? [...refs, 'HEAD'] : refs;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter(Boolean);
}
