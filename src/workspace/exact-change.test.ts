// A change is what git says it is: for corpora that are drawn, in a copy and in an overlay, with a repository and without one.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { carryOut, corpora, judgeOf, stepsCommand, type Corpus, type Judge } from '../../test/support/change-corpus.ts';
import { temporaryDirectory, userGit } from '../../test/support/repositories.ts';
import { hostEnvironment } from '../platform/environment.ts';
import { baseStore } from './base.ts';
import { computeChange } from './change.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { diffTrees, type TreeDifference } from './tree-diff.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** More of them by hand: the suite draws a few, new ones each time. */
const RUNS = Number(hostEnvironment()['IRONCAGE_CORPUS_RUNS'] ?? 3);

type Kind = { strategy: 'copy' | 'overlay'; git: boolean };

async function compare({ strategy, git }: Kind, corpus: Corpus): Promise<void> {
  const directory = temporaryDirectory();
  try {
    const [root, plain] = [join(directory, 'project'), join(directory, 'plain')];
    for (const path of [root, plain]) {
      mkdirSync(path);
      carryOut(path, corpus.project, 'without-repositories');
    }
    const judge = judgeOf(plain, join(directory, 'judge.git'));
    if (git) commitSome(root, judge, corpus.tracked);
    for (const path of [root, plain]) carryOut(path, corpus.before, 'without-repositories');

    const project = await inspectProject(root);
    const workspace = await prepareWorkspace({ project, storeDirectory: directory, strategy });
    const before = judge.record();
    expect(entriesOf(workspace.base.gitDir, workspace.base.tree)).toEqual(entriesOf(judge.gitDir, before));
    expect((await computeChange(workspace)).files).toEqual([]);

    workIn(workspace, corpus);
    carryOut(plain, corpus.work, 'without-repositories');
    const after = judge.record();
    const change = await computeChange(workspace);
    expect(entriesOf(workspace.base.gitDir, change.tree)).toEqual(entriesOf(judge.gitDir, after));
    const store = baseStore(workspace.base);
    const differences = await diffTrees(store, workspace.base.tree, change.tree);
    expect(differences.map(asRaw)).toEqual(diffOf(judge, 'raw', before, after));
    expect(differences.map(asNumbers)).toEqual(diffOf(judge, 'numstat', before, after));
    expect(change.files).toHaveLength(differences.length);
    expect((await computeChange(workspace)).tree).toBe(after);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Some files are tracked, ignored or not; the others are new, or ignored. */
function commitSome(root: string, judge: Judge, tracked: readonly boolean[]): void {
  userGit(root, 'init', '--quiet');
  const all = judge.git(['ls-files', '-z', '--others']).split('\0').slice(0, -1);
  const chosen = all.filter((_, index) => tracked[index % tracked.length]);
  const names = Buffer.from(chosen.map((path) => `${path}\0`).join(''), 'latin1');
  judge.git(['update-index', '-z', '--add', '--stdin'], names);
  const own = ['-C', root, '-c', 'core.safecrlf=false', '-c', 'safe.directory=*'];
  execFileSync('git', [...own, 'update-index', '-z', '--add', '--stdin'], { input: names });
  userGit(root, 'commit', '--quiet', '--allow-empty', '-m', 'first');
}

function workIn(workspace: PreparedWorkspace, { work }: Corpus): void {
  if (workspace.strategy !== 'overlay') return carryOut(workspace.directories.tree, work, 'with-repositories');
  const { upper, work: own, merged } = workspace.directories;
  const layers = `lowerdir=${workspace.projectRoot},upperdir=${upper},workdir=${own},userxattr`;
  const script = 'mount -t overlay overlay -o "$1" "$2"; cd "$2"; shift 2; exec "$@"';
  const argv = ['-Urm', 'sh', '-euc', script, 'sh', layers, merged, ...stepsCommand('with-repositories')];
  const ran = spawnSync('unshare', argv, { input: JSON.stringify(work), encoding: 'utf8' });
  expect([ran.stderr, ran.status]).toEqual(['', 0]);
}

function entriesOf(gitDir: string, tree: string): string[] {
  return execFileSync('git', [`--git-dir=${gitDir}`, '-c', 'safe.directory=*', 'ls-tree', '-r', '-z', tree], {
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
  }).split('\0');
}

type Row = (string | undefined)[];

const NOTHING = { mode: '000000', oid: '0'.repeat(40) };

function asRaw({ before = NOTHING, after = NOTHING, bytes }: TreeDifference): Row {
  return [before.mode, after.mode, before.oid, after.oid, bytes.from, bytes.path];
}

function asNumbers({ binary, insertions, deletions, bytes }: TreeDifference): Row {
  return [...(binary ? ['-', '-'] : [`${insertions}`, `${deletions}`]), bytes.from, bytes.path];
}

/** The rows of git's own `diff`, which is another command than ours. */
function diffOf(judge: Judge, format: 'raw' | 'numstat', before: string, after: string): Row[] {
  const words = judge.git(['diff', `--${format}`, '-z', '--no-abbrev', '-M', '-l2000', before, after]).split('\0');
  const rows: Row[] = [];
  for (let at = 0; at < words.length - 1;) {
    const [one = '', two = '', three = '', four = '', status = ''] = (words[at] ?? '').slice(1).split(' ');
    const [added, deleted, ...name] = (words[at] ?? '').split('\t');
    const isRenamed = format === 'raw' ? status.startsWith('R') : name.join('') === '';
    const first = format === 'raw' || isRenamed ? words[at + 1] : name.join('\t');
    const names = isRenamed ? [first, words[at + 2]] : [undefined, first];
    rows.push(format === 'raw' ? [one, two, three, four, ...names] : [added, deleted, ...names]);
    at += format === 'raw' ? (isRenamed ? 3 : 2) : isRenamed ? 3 : 1;
  }
  return rows;
}

const canOverlay =
  spawnSync('unshare', [
    '-Urm',
    'sh',
    '-c',
    'cd "$(mktemp -d)"; mkdir l u w m; mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w,userxattr m',
  ]).status === 0;

test.each<Kind & { needs: boolean }>([
  { strategy: 'copy', git: true, needs: true },
  { strategy: 'overlay', git: true, needs: canOverlay },
  { strategy: 'copy', git: false, needs: true },
  { strategy: 'overlay', git: false, needs: canOverlay },
])(
  'base, change and counts are git’s own: $strategy, repository: $git',
  async ({ needs, ...kind }) => {
    if (!needs) return;
    await fc.assert(
      fc.asyncProperty(corpora, (corpus) => compare(kind, corpus)),
      { numRuns: RUNS, endOnFailure: RUNS <= 10 },
    );
  },
  1_000_000,
);
