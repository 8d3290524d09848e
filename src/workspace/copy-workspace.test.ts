import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { computeChange } from './change.ts';
import { copyWorkspace } from './copy-workspace.ts';
import { copyExactly } from './exact-copy.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { loadWorkspace, type PreparedWorkspace } from './workspace.ts';

const interrupted = new AbortController().signal;

async function workspaceOf(root: string, strategy: 'overlay' | 'copy'): Promise<PreparedWorkspace> {
  return prepareWorkspace({ project: await inspectProject(root), storeDirectory: temporaryDirectory(), strategy });
}

async function copyOf(workspace: PreparedWorkspace): Promise<PreparedWorkspace> {
  const storeDirectory = temporaryDirectory();
  const target = join(storeDirectory, 'workspace');
  expect(await copyWorkspace(join(workspace.storeDirectory, 'workspace'), target, interrupted)).toEqual([]);
  const copy = await loadWorkspace(storeDirectory);
  if (copy === undefined) throw new Error('there is no workspace');
  return copy;
}

/** Mounts the workspace as the native backend does, in a user namespace of its own, and runs a script in the merged tree. */
function inCage({ projectRoot, directories }: PreparedWorkspace, script: string) {
  const { upper, work, merged } = directories;
  const options = `lowerdir=${projectRoot},upperdir=${upper},workdir=${work},userxattr`;
  const mount = `mount -t overlay overlay -o "$1" "$2" && cd "$2" && `;
  return spawnSync('unshare', ['-Urm', 'sh', '-euc', mount + script, 'sh', options, merged], { encoding: 'utf8' });
}

const hasOverlays = inCage(await workspaceOf(createRepository({ a: '1' }), 'overlay'), 'true').status === 0;

test.runIf(hasOverlays)(
  'a copied layer deletes, hides and changes what the first one does, and goes on by itself',
  async () => {
    const root = createRepository({ edit: 'a\n', gone: '1', 'again/old': 'o', 'again/kept': 'k\n', 'dir/x': '1' });
    const workspace = await workspaceOf(root, 'overlay');
    const script =
      'echo b > edit; rm gone; rm -r again; mkdir again; echo new > again/new; rm -r dir; ln -s /etc link; echo 1 > " ü\t"';
    expect(inCage(workspace, script).stderr).toBe('');
    const copy = await copyOf(workspace);
    expect(copy.base.gitDir).not.toBe(workspace.base.gitDir);
    expect(await computeChange(copy)).toEqual(await computeChange(workspace));
    expect(
      inCage(copy, 'ls -A again; cat edit; test ! -e gone; test ! -e dir; echo more > edit; rm again/new').stdout,
    ).toBe('new\nb\n');
    expect(inCage(workspace, 'cat edit again/new').stdout).toBe('b\nnew\n');
  },
);

test('a copied tree has the files as they are, with their modes, times and links', async () => {
  const workspace = await workspaceOf(createRepository({ a: '1\n', 'deep/b': '2\n' }), 'copy');
  const { tree } = workspace.directories;
  writeFiles(tree, { 'deep/new': 'n' });
  symlinkSync('/etc/passwd', join(tree, 'link'));
  chmodSync(join(tree, 'deep/new'), 0o751);
  const copy = await copyOf(workspace);
  expect(await computeChange(copy)).toEqual(await computeChange(workspace));
  const [before, after] = [workspace, copy].map(({ directories }) => lstatSync(join(directories.tree, 'deep/new')));
  expect([after?.mode, after?.mtimeMs]).toEqual([before?.mode, before?.mtimeMs]);
  writeFileSync(join(copy.directories.tree, 'a'), 'other\n');
  expect(readFileSync(join(tree, 'a'), 'utf8')).toBe('1\n');
});

test('what git ignored at the beginning, and nobody touched, is no change in the copy either', async () => {
  const root = createRepository({ a: '1\n', '.gitignore': 'dist\n' });
  writeFiles(root, { 'dist/kept': 'k', 'dist/touched': 't' });
  const workspace = await workspaceOf(root, 'copy');
  untilTimeMoves(root);
  writeFiles(workspace.directories.tree, { 'dist/touched': 'other', '.gitignore': '' });
  const copy = await copyOf(workspace);
  const change = await computeChange(workspace);
  expect(change.files.map(({ path }) => path)).toEqual(['.gitignore', 'dist/touched']);
  expect(await computeChange(copy)).toEqual(change);
});

test('objects of a base are shared, and what names others is not', async () => {
  const root = createRepository({ a: '1\n' });
  writeFiles(root, { untracked: 'u\n' });
  const workspace = await workspaceOf(root, 'copy');
  const copy = await copyOf(workspace);
  const numberOf = (path: string) => [workspace, copy].map(({ base }) => lstatSync(join(base.gitDir, path)).ino);
  const oid = userGit(root, 'hash-object', 'untracked').trim();
  const [first, second] = numberOf(`objects/${oid.slice(0, 2)}/${oid.slice(2)}`);
  expect(second).toBe(first);
  const [own, other] = numberOf('objects/info/alternates');
  expect(other).not.toBe(own);
});

test('pipes, sockets and what cannot be read are left out and named, holes stay holes', async () => {
  const source = temporaryDirectory();
  mkdirSync(join(source, 'shut'));
  spawnSync('mkfifo', [join(source, 'shut/a pipe'), join(source, 'pipe')]);
  chmodSync(join(source, 'shut'), 0o500);
  writeFileSync(join(source, 'holes'), '');
  truncateSync(join(source, 'holes'), 50 * 2 ** 20);
  const target = join(temporaryDirectory(), 'copy');
  const reason = 'it is a pipe, socket or device';
  const skipped = await copyExactly({ source, target, interrupted });
  expect(new Set(skipped)).toEqual(
    new Set([
      { path: 'pipe', reason },
      { path: 'shut/a pipe', reason },
    ]),
  );
  expect([existsSync(join(target, 'pipe')), lstatSync(join(target, 'shut')).mode & 0o777]).toEqual([false, 0o500]);
  const { size, blocks } = lstatSync(join(target, 'holes'));
  expect([size, blocks < 100]).toEqual([50 * 2 ** 20, true]);
});

/** The kernel stamps files by its tick, which is some milliseconds long. */
function untilTimeMoves(directory: string): void {
  const now = (): bigint => {
    writeFileSync(join(directory, '.git/now'), '');
    return lstatSync(join(directory, '.git/now'), { bigint: true }).ctimeNs;
  };
  const first = now();
  while (now() === first);
}

test.skipIf(process.getuid?.() !== 0)('a copy that root makes belongs to whom it is for, also what its owner had closed', async () => {
  const [source, target] = [temporaryDirectory(), join(temporaryDirectory(), 'copy')];
  const [former, uid] = [1_700_000_001, 1_700_000_003];
  writeFiles(source, { 'closed/secret': 's', tool: '#!', 'of root': 'r' });
  linkSync(join(source, 'tool'), join(source, 'hard'));
  symlinkSync('/etc/passwd', join(source, 'link'));
  const paths = ['', 'closed', 'closed/secret', 'tool', 'hard', 'link', 'of root'];
  for (const path of paths.slice(0, -1)) lchownSync(join(source, path), former, former);
  chmodSync(join(source, 'closed/secret'), 0o600);
  chmodSync(join(source, 'closed'), 0o500);
  chmodSync(join(source, 'tool'), 0o755);
  expect(await copyExactly({ source, target, owner: { uid, gid: uid }, interrupted })).toEqual([]);
  const stats = paths.map((path) => lstatSync(join(target, path)));
  expect(stats.map((stat) => [stat.uid, stat.gid])).toEqual(paths.map(() => [uid, uid]));
  expect([1, 2, 3].map((index) => (stats[index]?.mode ?? 0) & 0o7777)).toEqual([0o500, 0o600, 0o755]);
  expect([stats[4]?.ino === stats[3]?.ino, readlinkSync(join(target, 'link'))]).toEqual([true, '/etc/passwd']);
  expect(readFileSync(join(target, 'closed/secret'), 'utf8')).toBe('s');
}); // prettier-ignore
