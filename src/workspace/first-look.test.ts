// What a new cage looks at of its project, and with how many programs: each thing once, and the answer git would give.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { hostEnvironment } from '../platform/environment.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import type { PreparedWorkspace } from './workspace.ts';

async function prepare(root: string): Promise<PreparedWorkspace> {
  const project = await inspectProject(root);
  return prepareWorkspace({ project, storeDirectory: temporaryDirectory(), strategy: 'overlay' });
}

function treeFiles(gitDir: string, tree: string): string[] {
  return userGit('/', `--git-dir=${gitDir}`, 'ls-tree', '-r', '--name-only', '-z', tree).split('\0').slice(0, -1);
}

test('new files are found where anything new is, and the same in places too many or too odd to be named', async () => {
  const root = createRepository({ 'a/b/c': '1', '.gitignore': 'ign/\n*.o\n' });
  writeFiles(root, { 'a/b/new': 'n', 'a/b/new.o': 'n', 'ign/x': 'n', 't/u': 'n', 't/ign/v': 'n', ':odd*[x': 'n' });
  writeFiles(root, { 't/nest/inner': 'n', 't/nest/inner.o': 'n', '-n': 'n' });
  userGit(join(root, 't/nest'), 'init', '--quiet');
  mkdirSync(join(root, 'empty'));
  const own = ['-n', '.gitignore', ':odd*[x', 'a/b/c', 'a/b/new', 't/nest/inner', 't/nest/inner.o', 't/u'];
  const files = async (): Promise<string[]> => {
    const { base } = await prepare(root);
    return treeFiles(base.gitDir, base.tree);
  };
  expect(await files()).toEqual(own);
  writeFileSync(Buffer.concat([Buffer.from(`${root}/odd-`), Buffer.from([0xff])]), 'n');
  expect((await files()).filter((path) => !path.startsWith('odd-'))).toEqual(own);
  const many = Array.from({ length: 150 }, (_, index) => `many-${1000 + index}`);
  writeFiles(root, Object.fromEntries(many.map((path) => [path, 'n'])));
  expect((await files()).filter((path) => path.startsWith('many-'))).toEqual(many);
});

test('HEAD is the commit that git says, wherever it is written', async () => {
  const root = createRepository({ a: '1' });
  const says = (): string => userGit(root, 'rev-parse', 'HEAD').trim();
  const head = async (): Promise<string | undefined> => (await prepare(root)).base.head;
  expect(await head()).toBe(says());
  userGit(root, 'checkout', '--quiet', '-b', 'ü/deep');
  userGit(root, 'commit', '--quiet', '--allow-empty', '-m', 'second');
  userGit(root, 'pack-refs', '--all');
  expect(await head()).toBe(says());
  userGit(root, 'commit', '--quiet', '--allow-empty', '-m', 'third');
  expect(await head()).toBe(says());
  userGit(root, 'checkout', '--quiet', '--detach', 'HEAD~');
  expect(await head()).toBe(says());
  userGit(root, 'symbolic-ref', 'HEAD', 'refs/remotes/gone');
  userGit(root, 'update-ref', 'refs/remotes/gone', 'ü/deep');
  expect(await head()).toBe(says());
  userGit(root, 'checkout', '--quiet', '--orphan', 'unborn');
  expect(await head()).toBeUndefined();
});

test('a project that is as it was committed is looked at by six gits, and by one walk over its directories', async () => {
  const root = createRepository({ a: '1', 'b/c': '2', '.gitignore': 'ign\n' });
  expect(await gitsOf(() => prepare(root))).toEqual([
    'config --list --includes -z',
    'config --list -z',
    'ls-files --others --directory -z',
    'ls-files -s -v -z',
    'ls-files -z -m',
    'write-tree --missing-ok',
  ]);
});

test('what git ignores is found after every kind of change, and where only contents changed by the first walk', async () => {
  const secret = { '.gitignore': '.env\n', 'a/tracked': '1', 'b/gone': '1', 'c/file': '1' };
  const root = createRepository(secret);
  writeFiles(root, { 'a/.env': 'x', 'b/.env': 'x' });
  const leftOut = async (): Promise<string[]> => (await prepare(root)).leftOut.map(({ path }) => path);
  writeFiles(root, { 'a/tracked': 'other' });
  const walks = (await gitsOf(leftOut)).filter((line) => line.includes('--directory'));
  expect(walks).toHaveLength(1);
  expect(await leftOut()).toEqual(['a/.env', 'b/.env']);
  rmSync(join(root, 'b/gone'));
  expect(await leftOut()).toEqual(['a/.env', 'b/.env']);
  rmSync(join(root, 'b'), { recursive: true });
  writeFiles(root, { b: 'a file now' });
  expect(await leftOut()).toEqual(['a/.env']);
  rmSync(join(root, 'b'));
  rmSync(join(root, 'c/file'));
  writeFiles(root, { 'c/file/.env': 'x', 'd/new': 'n', 'd/.env': 'x' });
  expect(await leftOut()).toEqual(['a/.env', 'c/file/.env', 'd/.env']);
});

/** The commands of git that were started meanwhile. */
async function gitsOf(work: () => Promise<unknown>): Promise<string[]> {
  const directory = temporaryDirectory();
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/sh\nprintf '%s\\n' "$*" >>${directory}/log\nexec ${git} "$@"\n`;
  writeFileSync(join(directory, 'git'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${directory}:${hostEnvironment()['PATH']}`);
  try {
    await work();
  } finally {
    vi.unstubAllEnvs();
  }
  const lines = readFileSync(join(directory, 'log'), 'utf8').trim().split('\n');
  return lines.map((line) => line.replaceAll(/-c \S+ |--file \S+ /g, '')).sort();
}
