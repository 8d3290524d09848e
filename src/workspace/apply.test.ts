import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { applyToWorkingTree } from './apply.ts';
import { applyToBranch } from './apply-branch.ts';
import { writeJournal } from './apply-journal.ts';
import { identify } from './apply-steps.ts';
import { computeChange } from './change.ts';
import { planApply } from './plan-apply.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { repairApply } from './repair-apply.ts';
import { hasUnexportedWork } from './unexported.ts';
import { loadWorkspace, workspaceDirectory } from './workspace.ts';

async function cageOf(root: string, edit: (tree: string) => void) {
  const storeDirectory = temporaryDirectory();
  const project = await inspectProject(root);
  const workspace = await prepareWorkspace({ project, storeDirectory, strategy: 'copy' });
  edit(workspace.directories.tree);
  return { workspace, plan: async () => planApply(workspace, await computeChange(workspace)) };
}

const read = (root: string, path: string) => readFileSync(join(root, path), 'utf8');

test('a change lands in the project with its modes, links, deletions and moves', async () => {
  const root = createRepository({
    edit: 'a',
    gone: '1',
    'dir/x': '1',
    swap: 's',
    tool: '#!',
    private: 'p',
    old: 'o\n'.repeat(30),
  });
  chmodSync(join(root, 'private'), 0o600);
  const { workspace, plan } = await cageOf(root, (tree) => {
    writeFiles(tree, { edit: 'b', 'new dir/ü\n': 'n', private: 'q', moved: 'o\n'.repeat(30) });
    for (const path of ['gone', 'dir', 'swap', 'old']) rmSync(join(tree, path), { recursive: true });
    writeFiles(tree, { dir: 'file', 'swap/in': '1' });
    chmodSync(join(tree, 'tool'), 0o755);
    symlinkSync('edit', join(tree, 'link'));
  });
  const applied = await applyToWorkingTree(await plan());
  expect(applied.leftOut).toEqual([]);
  expect(applied.applied).toContain('moved');
  expect(read(root, 'edit') + read(root, 'new dir/ü\n') + read(root, 'dir') + read(root, 'swap/in')).toBe('bnfile1');
  expect(readdirSync(root).sort()).toEqual([
    '.git',
    'dir',
    'edit',
    'link',
    'moved',
    'new dir',
    'private',
    'swap',
    'tool',
  ]);
  expect(lstatSync(join(root, 'private')).mode & 0o777).toBe(0o600);
  expect(lstatSync(join(root, 'tool')).mode & 0o111).toBe(0o111);
  expect(lstatSync(join(root, 'link')).isSymbolicLink()).toBe(true);
  const after = await loadWorkspace(workspace.storeDirectory);
  expect(after && (await hasUnexportedWork(after))).toBe(false);
  expect((await plan()).files).toEqual([]);
});

test('edits on both sides are merged, and the same place on both sides is a conflict that changes nothing', async () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}\n`);
  const root = createRepository({ a: lines.join(''), b: 'b\n', c: 'c\n' });
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { a: lines.with(1, 'cage\n').join('') }));
  writeFiles(root, { a: lines.with(18, 'host\n').join(''), 'mine.txt': 'm' });
  await applyToWorkingTree(await plan());
  expect(read(root, 'a')).toBe(lines.with(1, 'cage\n').with(18, 'host\n').join(''));

  const other = await cageOf(root, (tree) => {
    writeFiles(tree, { b: 'cage\n', new: 'n' });
    rmSync(join(tree, 'c'));
  });
  writeFiles(root, { b: 'host\n', c: 'edited\n' });
  const conflicting = await other.plan();
  expect(conflicting.conflicts).toEqual([
    { path: 'b', kind: 'contents' },
    { path: 'c', kind: 'modify/delete' },
  ]);
  await expect(applyToWorkingTree(conflicting)).rejects.toMatchObject({ code: 'E_CONFLICT' });
  expect(existsSync(join(root, 'new'))).toBe(false);
});

test('a host that changed after the plan refuses it', async () => {
  const root = createRepository({ a: '1', b: '2' });
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { a: 'cage' }));
  const planned = await plan();
  writeFiles(root, { b: 'host' });
  await expect(applyToWorkingTree(planned)).rejects.toMatchObject({ code: 'E_CONFLICT' });
  expect(read(root, 'a')).toBe('1');
});

test('a new file never replaces one that git ignores on the host', async () => {
  const root = createRepository({ '.gitignore': '.env\n', a: '1' });
  writeFiles(root, { '.env': 'SECRET=1' });
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { '.gitignore': '', '.env': 'STOLEN=1' }));
  const planned = await plan();
  expect(planned.conflicts).toEqual([{ path: '.env', kind: 'exists' }]);
  await expect(applyToWorkingTree(planned)).rejects.toMatchObject({ code: 'E_CONFLICT' });
  expect(read(root, '.env')).toBe('SECRET=1');
});

test('nothing is written through a link of the project', async () => {
  const outside = temporaryDirectory();
  const root = createRepository({ '.gitignore': '/cache\n', a: '1' });
  symlinkSync(outside, join(root, 'cache'));
  const { plan } = await cageOf(root, (tree) => {
    rmSync(join(tree, 'cache'));
    writeFiles(tree, { '.gitignore': '', 'cache/x': 'escaped' });
  });
  await expect(applyToWorkingTree(await plan())).rejects.toMatchObject({ code: 'E_CONFLICT' });
  expect(readdirSync(outside)).toEqual([]);
});

test('what is left out stays as it is on the host and counts as unexported', async () => {
  const root = createRepository({ a: '1', Makefile: 'all:\n' });
  const { workspace, plan } = await cageOf(root, (tree) => writeFiles(tree, { a: '2', Makefile: 'all: evil\n' }));
  const planned = await plan();
  expect(planned.hostExecutable).toMatchObject([{ path: 'Makefile', reasons: [{ class: 'build-file' }] }]);
  expect(await applyToWorkingTree(planned, { leaveOut: ['Makefile'] })).toEqual({
    applied: ['a'],
    leftOut: ['Makefile'],
  });
  expect(read(root, 'Makefile')).toBe('all:\n');
  const after = await loadWorkspace(workspace.storeDirectory);
  expect(after && (await hasUnexportedWork(after))).toBe(true);
});

test('a directory without git can be applied to', async () => {
  const root = temporaryDirectory();
  writeFiles(root, { 'a b': '1', '.env': 'K=1' });
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { 'a b': '2', new: 'n' }));
  await applyToWorkingTree(await plan());
  expect(read(root, 'a b') + read(root, 'new') + read(root, '.env')).toBe('2nK=1');
});

test('an apply that was interrupted while it wrote is finished, one that only prepared is undone', async () => {
  const root = createRepository({ a: 'old', b: 'gone', c: 'mine' });
  const { workspace } = await cageOf(root, () => undefined);
  const directory = workspaceDirectory(workspace.storeDirectory);
  const staging = '.ironcage-apply-0123456789ab';
  const seen = (path: string) => identify(lstatSync(join(root, path), { bigint: true }));
  const steps = [
    { path: 'b', action: 'delete' as const, seen: seen('b') },
    { path: 'a', action: 'write' as const, seen: seen('a') },
    { path: 'sub/new', action: 'write' as const },
    { path: 'c', action: 'write' as const, seen: seen('c') },
  ];
  const journal = { version: 1 as const, root, staging, steps };
  mkdirSync(join(root, staging));
  writeJournal(directory, { ...journal, phase: 'staging' });
  expect(await repairApply(workspace.storeDirectory)).toEqual({ what: 'apply', outcome: 'undone', kept: [] });
  expect(existsSync(join(root, staging))).toBe(false);

  writeFiles(root, { [`${staging}/1`]: 'new', [`${staging}/2`]: 'n', [`${staging}/3`]: 'theirs' });
  writeJournal(directory, { ...journal, phase: 'committing' });
  writeFileSync(join(root, 'c'), 'edited after the crash');
  expect(await repairApply(workspace.storeDirectory)).toEqual({ what: 'apply', outcome: 'finished', kept: ['c'] });
  expect(read(root, 'a') + read(root, 'sub/new')).toBe('newn');
  expect(readdirSync(root).sort()).toEqual(['.git', 'a', 'c', 'sub']);
  expect(read(root, 'c')).toBe('edited after the crash');
  expect(await repairApply(workspace.storeDirectory)).toBeUndefined();
});

test('a branch gets one commit on top of HEAD without the user’s uncommitted work', async () => {
  const root = createRepository({ a: '1\n', b: '2\n' });
  userGit(root, 'config', 'core.hooksPath', join(root, 'hooks'));
  writeFiles(root, { 'hooks/reference-transaction': `#!/bin/sh\ntouch ${root}/ran\n` });
  chmodSync(join(root, 'hooks/reference-transaction'), 0o755);
  writeFiles(root, { b: 'uncommitted\n', 'hooks/other': 'untracked\n' });
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { a: 'cage\n', 'new.bin': Buffer.alloc(300_000, 7) }));
  const status = userGit(root, 'status', '--porcelain');
  const applied = await applyToBranch(await plan(), 'cage/fix', { cageName: 'shop' });
  expect(userGit(root, 'rev-parse', 'refs/ironcage/shop/cage/fix')).toBe(userGit(root, 'rev-parse', 'cage/fix'));
  expect(applied.applied.sort()).toEqual(['a', 'new.bin']);
  expect(userGit(root, 'status', '--porcelain')).toBe(status);
  expect(userGit(root, 'diff', '--name-status', 'main', 'cage/fix')).toBe('M\ta\nA\tnew.bin\n');
  expect(userGit(root, 'rev-parse', 'cage/fix^').trim()).toBe(userGit(root, 'rev-parse', 'main').trim());
  expect(existsSync(join(root, 'ran'))).toBe(false);
  userGit(root, 'fsck', '--strict', '--full');
  await expect(applyToBranch(await plan(), 'cage/fix')).rejects.toMatchObject({ code: 'E_CONFLICT' });
  for (const name of ['../x', 'a b', '-d', '', 'x.lock', 'HEAD']) {
    await expect(applyToBranch(await plan(), name), name).rejects.toMatchObject({ code: 'E_NAME' });
  }
});

test('a branch is planned upon what is committed, whatever the work tree has of the change already', async () => {
  const root = createRepository({ a: '1\n', '.npmrc': 'ignore-scripts=true\n'.repeat(20) });
  const { workspace, plan } = await cageOf(root, (tree) => {
    rmSync(join(tree, '.npmrc'));
    writeFiles(tree, { a: 'cage\n', settings: 'ignore-scripts=true\n'.repeat(20), '.envrc': 'x\n' });
  });
  await applyToWorkingTree(await plan());
  expect((await plan()).files).toEqual([]);
  const upon = async () => planApply(workspace, await computeChange(workspace), 'head');
  const planned = await upon();
  expect(planned.files.map(({ path }) => path).sort()).toEqual(['.envrc', 'a', 'settings']);
  expect(planned.hostExecutable.map(({ path }) => path).sort()).toEqual(['.envrc', 'settings']);
  const applied = await applyToBranch(planned, 'fix', { leaveOut: ['.envrc', 'settings'] });
  expect(applied).toMatchObject({ applied: ['a'], leftOut: ['.envrc', 'settings'] });
  expect(userGit(root, 'diff', '--name-status', 'main', 'fix')).toBe('M\ta\n');
  const stale = await upon();
  userGit(root, 'commit', '--quiet', '-am', 'meanwhile');
  await expect(applyToBranch(stale, 'later')).rejects.toMatchObject({ code: 'E_CONFLICT' });
});

test('a repository without commits gets its first one on the branch', async () => {
  const root = temporaryDirectory();
  userGit(root, 'init', '--quiet');
  writeFiles(root, { a: '1' });
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { b: '2' }));
  await applyToBranch(await plan(), 'first');
  expect(userGit(root, 'ls-tree', '--name-only', 'first')).toBe('a\nb\n');
});

test('a file that would replace a submodule’s contents is written into its checkout', async () => {
  const library = createRepository({ lib: '1' });
  const root = createRepository({ a: '1' });
  userGit(root, 'submodule', 'add', '--quiet', library, 'sub');
  userGit(root, 'commit', '--quiet', '-m', 'with sub');
  const { plan } = await cageOf(root, (tree) => writeFiles(tree, { 'sub/lib': '2', 'sub/more': 'm' }));
  await applyToWorkingTree(await plan());
  expect(userGit(join(root, 'sub'), 'status', '--porcelain')).toBe(' M lib\n?? more\n');
  expect(lstatSync(join(root, 'sub/.git')).isFile()).toBe(true);
});
