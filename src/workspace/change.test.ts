import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { textOfChange } from '../../test/support/change-text.ts';
import { computeChange } from './change.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { hasUnexportedWork } from './unexported.ts';

async function copyOf(root: string) {
  return prepareWorkspace({
    project: await inspectProject(root),
    storeDirectory: temporaryDirectory(),
    strategy: 'copy',
  });
}

const summary = (change: Awaited<ReturnType<typeof computeChange>>) =>
  change.files.map((file) => `${file.change} ${file.from === undefined ? '' : `${file.from} > `}${file.path}`);

test('an untouched cage has no change', async () => {
  const root = createRepository({ a: '1', 'b c/d': '2', '.gitignore': 'skip\n' });
  writeFiles(root, { skip: 'x', untracked: 'y' });
  const workspace = await copyOf(root);
  expect(summary(await computeChange(workspace))).toEqual([]);
  expect(await hasUnexportedWork(workspace)).toBe(false);
});

test('a file of a mounted project that runs as its owner is named, a copy has only its contents', async () => {
  const root = createRepository({ a: '1' });
  const storeDirectory = temporaryDirectory();
  const mounted = await prepareWorkspace({ project: await inspectProject(root), storeDirectory, strategy: 'mount' });
  const copied = await copyOf(root);
  for (const tree of [root, copied.directories.tree]) {
    writeFiles(tree, { tool: '#!' });
    chmodSync(join(tree, 'tool'), 0o4755);
  }
  expect((await computeChange(mounted)).skipped).toMatchObject([{ path: 'tool', reason: expect.stringMatching(/rights of its owner/) }]); // prettier-ignore
  expect(await computeChange(copied)).toMatchObject({ skipped: [], files: [{ path: 'tool' }] });
});

test('additions, edits, deletions, renames, modes and links are told apart', async () => {
  const long = 'line\n'.repeat(40);
  const root = createRepository({
    edit: 'a\nb\n',
    gone: '1',
    old: long,
    tool: '#!\n',
    'dir/x': '1',
    swap: 's',
    bin: '\0',
  });
  const workspace = await copyOf(root);
  const { tree } = workspace.directories;
  writeFiles(tree, { edit: 'a\nc\nd\n', 'new ü\n': 'n', bin: '\0\0', 'swap.d/inner': 'other' });
  rmSync(join(tree, 'gone'));
  renameSync(join(tree, 'old'), join(tree, 'moved'));
  chmodSync(join(tree, 'tool'), 0o755);
  rmSync(join(tree, 'dir'), { recursive: true });
  writeFileSync(join(tree, 'dir'), 'now a file');
  rmSync(join(tree, 'swap'));
  mkdirSync(join(tree, 'swap'));
  writeFileSync(join(tree, 'swap/in'), 'now a directory');
  symlinkSync('../outside', join(tree, 'link'));
  symlinkSync('.', join(tree, 'cycle'));
  const change = await computeChange(workspace);
  expect(summary(change).sort()).toEqual([
    'added cycle',
    'added dir',
    'added link',
    'added new ü\n',
    'added swap.d/inner',
    'added swap/in',
    'deleted dir/x',
    'deleted gone',
    'deleted swap',
    'mode tool',
    'modified bin',
    'modified edit',
    'renamed old > moved',
  ]);
  expect(change.files.find((file) => file.path === 'edit')).toMatchObject({
    insertions: 2,
    deletions: 1,
    binary: false,
  });
  expect(change.files.find((file) => file.path === 'bin')).toMatchObject({ binary: true });
  expect(change.hostExecutable.map((file) => `${file.path}: ${file.reasons[0]?.class}`).sort()).toEqual([
    'link: link-outside',
    'new ü\n: terminal-sequence',
    'tool: new-executable',
  ]);
  expect(await textOfChange(workspace, change, 'full')).toContain('+c\n+d\n');
  expect(await textOfChange(workspace, change, 'stat')).toContain('edit');
  expect(await hasUnexportedWork(workspace)).toBe(true);
  userGit('/', `--git-dir=${workspace.base.gitDir}`, 'fsck', '--strict', change.tree);
});

test('new ignored files stay out, tracked ones stay in', async () => {
  const root = createRepository({ '.gitignore': '*.log\nbuild/\n', 'sub/.gitignore': '!keep.log\n', a: '1' });
  writeFiles(root, { 'tracked.log': '1' });
  userGit(root, 'add', '--force', 'tracked.log');
  const workspace = await copyOf(root);
  writeFiles(workspace.directories.tree, {
    'tracked.log': '2',
    'new.log': '1',
    'build/out': '1',
    'sub/keep.log': '1',
    'sub/other.log': '1',
    'sub/build/x': '1',
  });
  expect(summary(await computeChange(workspace)).sort()).toEqual(['added sub/keep.log', 'modified tracked.log']);
});

test('the repository of the cage and names that git refuses are no part of the change', async () => {
  const workspace = await copyOf(createRepository({ a: '1' }));
  const { tree } = workspace.directories;
  writeFiles(tree, {
    '.git/hooks/post-checkout': '#!',
    'sub/.GIT/config': 'x',
    'git~1': 'x',
    'n/.git/x': '1',
    'n/y': '1',
  });
  const change = await computeChange(workspace);
  expect(summary(change)).toEqual(['added n/y']);
  expect(change.skipped.map((entry) => entry.path).sort()).toEqual(['git~1', 'sub/.GIT']);
});

test('pipes, devices and unreadable things are named and keep their state of the base', async () => {
  const workspace = await copyOf(createRepository({ a: '1', b: '2' }));
  const { tree } = workspace.directories;
  rmSync(join(tree, 'a'));
  execFileSync('mkfifo', [join(tree, 'a'), join(tree, 'pipe')]);
  const change = await computeChange(workspace);
  expect(summary(change)).toEqual([]);
  expect(change.skipped.map((entry) => entry.path)).toEqual(['a', 'pipe']);
});

test('an edit that keeps size and modification time is still seen', async () => {
  const workspace = await copyOf(createRepository({ a: 'one' }));
  const file = join(workspace.directories.tree, 'a');
  const past = new Date(Date.now() - 60_000);
  utimesSync(file, past, past);
  await computeChange(workspace);
  writeFileSync(file, 'two');
  utimesSync(file, past, past);
  expect(summary(await computeChange(workspace))).toEqual(['modified a']);
});

test('a file of one gigabyte is stored in pieces', { timeout: 60_000 }, async () => {
  const workspace = await copyOf(createRepository({ a: '1' }));
  const file = join(workspace.directories.tree, 'large.bin');
  writeFileSync(file, '');
  truncateSync(file, 1024 ** 3);
  const before = process.memoryUsage().rss;
  const change = await computeChange(workspace);
  expect(change.files).toMatchObject([{ path: 'large.bin', binary: true }]);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 ** 2);
});

test('a base whose objects are gone is an error that says so', async () => {
  const root = createRepository({ 'dir/a': '1' });
  const workspace = await copyOf(root);
  rmSync(join(root, '.git/objects'), { recursive: true });
  mkdirSync(join(root, '.git/objects'));
  expect((await computeChange(workspace)).files).toEqual([]);
  rmSync(join(workspace.base.gitDir, 'kept'), { recursive: true });
  await expect(computeChange(workspace)).rejects.toMatchObject({ code: 'E_WORKSPACE' });
});
