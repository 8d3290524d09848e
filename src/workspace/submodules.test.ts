// Submodules: a move is what git says it is, and work within one comes back without a commit that nobody has.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { textOfChange } from '../../test/support/change-text.ts';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { applyCommits } from './apply-commits.ts';
import { applyToBranch } from './apply-branch.ts';
import { applyToWorkingTree } from './apply.ts';
import { computeChange, type Change } from './change.ts';
import { makePatches } from './patches.ts';
import { planApply } from './plan-apply.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { ownCommits } from './side-refs.ts';
import { bringSubmodule, canBring, strayMoves } from './submodule-commits.ts';
import { hasUnexportedFiles } from './unexported.ts';
import type { PreparedWorkspace } from './workspace.ts';

const STRATEGIES = ['copy', 'overlay'] as const;
type Strategy = (typeof STRATEGIES)[number];

/** A project with the submodules `lib` and `deep/tools`, whose library has a second commit already. */
function projectWithSubmodules(): string {
  const library = createRepository({ 'lib.txt': '1\n' });
  const root = createRepository({ a: '1\n' });
  userGit(root, 'submodule', 'add', '--quiet', library, 'lib');
  userGit(root, 'submodule', 'add', '--quiet', library, 'deep/tools');
  userGit(root, 'commit', '--quiet', '-m', 'with submodules');
  return root;
}

async function prepare(root: string, strategy: Strategy): Promise<PreparedWorkspace> {
  return prepareWorkspace({ project: await inspectProject(root), storeDirectory: temporaryDirectory(), strategy });
}

/** Runs a script as the agent would, in the project as its cage shows it. */
function inside(workspace: PreparedWorkspace, script: string): string {
  const { directories, projectRoot, strategy } = workspace;
  const identity = 'export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=Bot GIT_AUTHOR_EMAIL=b@x GIT_COMMITTER_NAME=Bot GIT_COMMITTER_EMAIL=b@x; '; // prettier-ignore
  const [command, ...args] =
    strategy === 'copy'
      ? ['sh', '-euc', `cd "$1"; ${identity}${script}`, 'sh', directories.tree]
      : [
          ...['unshare', '-Urm', 'sh', '-euc'],
          `mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3,userxattr" "$1"; cd "$1"; ${identity}${script}`,
          ...['sh', projectRoot, directories.upper, directories.work],
        ];
  return execFileSync(command ?? '', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const COMMIT_IN_LIB = 'cd lib; echo 2 >> lib.txt; git commit -qam second; git rev-parse HEAD; cd ..';

function rows({ files }: Change): string[] {
  return files.map(({ path, change, submodule, insertions, deletions }) =>
    [path, change, ...(submodule === undefined ? [] : [submodule]), `+${insertions}-${deletions}`]
      .map((part) => (typeof part === 'string' ? part : `${part.from ?? ''}>${part.to ?? ''}`))
      .join(' '),
  );
}

const canOverlay = spawnSync('unshare', ['-Urm', 'true']).status === 0;

for (const strategy of STRATEGIES) {
  test.runIf(strategy === 'copy' || canOverlay)(
    `${strategy}: a submodule that was moved is shown as git shows it, with its files behind it`,
    async () => {
      const root = projectWithSubmodules();
      const from = userGit(join(root, 'lib'), 'rev-parse', 'HEAD').trim();
      const workspace = await prepare(root, strategy);
      expect((await computeChange(workspace)).files).toEqual([]);
      const to = inside(workspace, COMMIT_IN_LIB).trim();
      const change = await computeChange(workspace);
      expect(rows(change)).toEqual([`lib modified ${from}>${to} +1-1`, 'lib/lib.txt modified +1-0']);
      const text = await textOfChange(workspace, change, 'full');
      expect(text.startsWith(inside(workspace, 'git diff --no-ext-diff'))).toBe(true);
      expect(text).toContain(`-Subproject commit ${from}\n+Subproject commit ${to}\n`);
      expect(await textOfChange(workspace, change, 'stat')).toContain(inside(workspace, 'git diff --stat=120'));
      expect(change.hostExecutable.map(({ path, reasons }) => [path, reasons[0]?.class])).toEqual([['lib', 'git-settings']]); // prettier-ignore
    },
  );

  test.runIf(strategy === 'copy' || canOverlay)(
    `${strategy}: submodules that come and go are named, whatever their files`,
    async () => {
      const root = projectWithSubmodules();
      const commit = userGit(join(root, 'lib'), 'rev-parse', 'HEAD').trim();
      const workspace = await prepare(root, strategy);
      inside(
        workspace,
        `rm -rf deep; git -c protocol.file.allow=always submodule --quiet add "file://$PWD/lib" new/one; git add -A`,
      );
      const change = await computeChange(workspace);
      expect(rows(change)).toEqual([
        '.gitmodules modified +3-0',
        `deep/tools deleted ${commit}> +0-1`,
        `new/one added >${commit} +1-0`,
        'new/one/lib.txt renamed +0-0',
      ]);
      const own = inside(workspace, 'git diff HEAD --raw --no-renames --abbrev=40').split('\n').filter((line) => line.includes('160000')); // prettier-ignore
      expect(own).toHaveLength(2);
    },
  );
}

for (const strategy of STRATEGIES) {
  test.runIf(strategy === 'copy' || canOverlay)(
    `${strategy}: apply brings a submodule’s files, and its commits into the submodule’s own repository`,
    async () => {
      const root = projectWithSubmodules();
      const workspace = await prepare(root, strategy);
      const to = inside(workspace, `${COMMIT_IN_LIB}; echo more >> a; git commit -qam both`).trim();
      const plan = await planApply(workspace, await computeChange(workspace));
      expect(plan.files.map(({ path }) => path)).toEqual(['a', 'lib/lib.txt']);
      expect(plan.stays).toEqual([{ path: 'lib', reason: expect.stringContaining(to) }]);

      const other = await planApply(workspace, await computeChange(workspace), 'head');
      expect(other.files.map(({ path, submodule }) => [path, submodule?.to])).toEqual([['a', undefined], ['lib', to]]); // prettier-ignore
      expect(other.hostExecutable.map(({ path }) => path)).toEqual(['lib']);
      await applyToBranch(other, 'without', { leaveOut: ['lib'], cageName: 'c' });
      expect(userGit(root, 'diff', '--name-only', 'HEAD', 'without')).toBe('a\n');
      expect(userGit(join(root, 'lib'), 'for-each-ref', 'refs/ironcage')).toBe('');
      await applyToBranch(other, 'with', { cageName: 'c' });
      expect(userGit(root, 'ls-tree', 'with', 'lib')).toContain(`160000 commit ${to}`);
      const kept = `refs/ironcage/c/${to.slice(0, 12)}`;
      expect(userGit(join(root, 'lib'), 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/ironcage')).toBe(`${kept} ${to}\n`); // prettier-ignore
      userGit(join(root, 'lib'), 'fsck', '--strict');
      expect(userGit(join(root, 'lib'), 'show', `${to}:lib.txt`)).toBe('1\n2\n');
      const commits = await planApply(workspace, await computeChange(workspace), 'base-head');
      await applyCommits(commits, 'commits', 'c', () => undefined);
      expect(userGit(root, 'log', '-1', '--format=%s', 'commits')).toBe('both\n');
      expect(userGit(root, 'ls-tree', 'commits', 'lib')).toContain(`160000 commit ${to}`);

      await applyToWorkingTree(plan);
      expect(readFileSync(join(root, 'lib/lib.txt'), 'utf8')).toBe('1\n2\n');
      expect(userGit(join(root, 'lib'), 'status', '--porcelain')).toBe(' M lib.txt\n');
    },
  );
}

test('commits that are nowhere else but in a submodule of a cage are work, until they are brought', async () => {
  const root = projectWithSubmodules();
  const workspace = await prepare(root, 'copy');
  const to = inside(workspace, `${COMMIT_IN_LIB}; cd lib; git revert --no-edit HEAD >/dev/null; git rev-parse HEAD`).trim().split('\n').at(-1); // prettier-ignore
  expect([await hasUnexportedFiles(workspace), await ownCommits(workspace)]).toEqual([false, ['commits of the submodule lib']]); // prettier-ignore
  const [move] = await strayMoves(workspace);
  expect(move?.to).toBe(to);
  if (move !== undefined) expect(await bringSubmodule(workspace, move, 'c')).toContain('refs/ironcage/c/');
  expect(await ownCommits(workspace)).toEqual([]);
});

test('a commit of a submodule that the cage has not whole does not come, and what is to name it is refused', async () => {
  const root = projectWithSubmodules();
  const workspace = await prepare(root, 'copy');
  const to = inside(workspace, `${COMMIT_IN_LIB}; echo more >> a; git commit -qam both`).trim();
  const objects = join(workspace.directories.tree, '.git/modules/lib/objects');
  rmSync(join(objects, to.slice(0, 2), to.slice(2)));
  const unknown = await planApply(workspace, await computeChange(workspace), 'head');
  expect(unknown.files.map(({ path }) => path)).toEqual(['a']);
  expect(unknown.stays.map(({ path }) => path)).toEqual(['lib', 'lib/lib.txt']);
  const kept = await planApply(workspace, await computeChange(workspace), 'base-head');
  await expect(applyCommits(kept, 'refused', 'c', () => undefined)).rejects.toMatchObject({ code: 'E_REFUSED' });
  // Objects of somebody else's are no objects of the cage's.
  rmSync(objects, { recursive: true });
  const elsewhere = createRepository({ secret: '1' });
  symlinkSync(join(elsewhere, '.git/objects'), objects);
  writeFileSync(join(workspace.directories.tree, '.git/modules/lib/HEAD'), userGit(elsewhere, 'rev-parse', 'HEAD'));
  const [move] = await strayMoves(workspace);
  if (move === undefined) throw new Error('no move');
  expect([await canBring(workspace, move), await bringSubmodule(workspace, move, 'c')]).toEqual([false, undefined]);
});

test('patches have a move of a submodule as git am takes it, and name what is in no patch', async () => {
  const root = projectWithSubmodules();
  const workspace = await prepare(root, 'copy');
  const to = inside(workspace, `${COMMIT_IN_LIB}; git commit -qam moved; echo more >> a`).trim();
  const { patches, skipped } = await makePatches(workspace, { cageName: 'c', nowMs: 0, tell: () => undefined });
  expect(patches.map(({ subject }) => subject)).toEqual(['moved', 'Uncommitted work of the cage c']);
  expect(skipped.map(({ path }) => path)).toEqual(['lib/lib.txt']);
  const directory = temporaryDirectory();
  for (const { file, contents } of patches) writeFileSync(join(directory, file), contents);
  userGit(root, 'am', '--quiet', ...patches.map(({ file }) => join(directory, file)));
  expect(userGit(root, 'ls-tree', 'HEAD', 'lib')).toContain(to);
  expect(readFileSync(join(root, 'a'), 'utf8')).toBe('1\nmore\n');
});

test('what a cage writes into a submodule’s repository leads nowhere', async () => {
  const secret = temporaryDirectory();
  writeFiles(secret, { HEAD: `${'1'.repeat(40)}\n`, 'refs/heads/x': `${'2'.repeat(40)}\n` });
  const root = projectWithSubmodules();
  const workspace = await prepare(root, 'copy');
  const lib = join(workspace.directories.tree, 'lib');
  const outside = [
    `gitdir: ${secret}\n`,
    `gitdir: ../../../../../../../..${secret}\n`,
    `gitdir: ../link\n`,
    'gitdir: ..\n',
    'x'.repeat(10_000),
  ];
  symlinkSync(secret, join(workspace.directories.tree, 'link'));
  for (const text of outside) {
    writeFileSync(join(lib, '.git'), text);
    expect((await computeChange(workspace)).files.filter(({ submodule }) => submodule)).toEqual([]);
  }
  writeFileSync(join(lib, '.git'), 'gitdir: ../.git/modules/lib\n');
  const head = join(workspace.directories.tree, '.git/modules/lib/HEAD');
  for (const text of [
    `ref: refs/../../../../../../../../../..${secret}/HEAD`,
    'ref: refs/heads/none',
    'nonsense',
    '',
  ]) {
    writeFileSync(head, text);
    expect((await computeChange(workspace)).files.filter(({ submodule }) => submodule)).toEqual([]);
  }
  rmSync(head);
  mkdirSync(head);
  expect((await computeChange(workspace)).files.filter(({ submodule }) => submodule)).toEqual([]);
});
