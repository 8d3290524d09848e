// What a cage committed comes back, and nothing that the user has is lost or made to run for it. The cage is played by git on the
// repository that it would have.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { mountedGitDir, readGiven } from './mounted-git.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { refreshMountedGit, returnCommits, unreturnedRefs } from './return-commits.ts';
import { workspaceDirectory, type PreparedWorkspace } from './workspace.ts';

let project: string;
let store: string;
let workspace: PreparedWorkspace;

beforeEach(async () => {
  project = createRepository({ 'a.txt': 'one\n' });
  store = temporaryDirectory();
  await prepare();
});
afterEach(() => {
  for (const directory of [project, store]) rmSync(directory, { recursive: true, force: true });
});

async function prepare(): Promise<void> {
  workspace = await prepareWorkspace({
    project: await inspectProject(project),
    storeDirectory: store,
    strategy: 'mount',
  });
}

/** The cage's repository, with the project's objects where its mount would show them. */
function cageGitDir(): string {
  const directory = workspaceDirectory(store);
  const gitDir = mountedGitDir(directory, readGiven(directory) ?? { directory: '' });
  const borrowed = join(gitDir, 'borrowed/objects');
  if (existsSync(join(borrowed, 'pack'))) return gitDir;
  rmdirSync(borrowed);
  symlinkSync(join(project, '.git/objects'), borrowed);
  return gitDir;
}

function inCage(...args: string[]): string {
  return userGit(project, '--git-dir', cageGitDir(), '--work-tree', project, ...args);
}

function commitInCage(name: string, text = `${name}\n`): string {
  writeFiles(project, { [name]: text });
  inCage('add', '--all', '--', name);
  inCage('commit', '--quiet', '-m', name);
  return inCage('rev-parse', 'HEAD').trim();
}

const head = (): string => userGit(project, 'rev-parse', 'HEAD').trim();
const bring = (): ReturnType<typeof returnCommits> => returnCommits(workspace, 'c');

test('commits come back to their branch, with an index that fits, so that the project is clean', async () => {
  const commit = commitInCage('new.txt');
  expect(unreturnedRefs(workspace)).toEqual(['refs/heads/main']);
  expect(await bring()).toEqual({ moved: ['refs/heads/main'], saved: [], checkoutStays: undefined });
  expect(head()).toBe(commit);
  expect(userGit(project, 'status', '--short')).toBe('');
  expect(userGit(project, 'fsck', '--strict')).toBe('');
  expect(unreturnedRefs(workspace)).toEqual([]);
  expect(await bring()).toEqual({ moved: [], saved: [], checkoutStays: undefined });
});

test('another branch that was checked out is checked out, new branches and tags are there, and what is staged is staged', async () => {
  inCage('checkout', '--quiet', '-b', 'feature');
  commitInCage('new.txt');
  inCage('tag', '-m', 'a tag', 'v1');
  writeFiles(project, { 'a.txt': 'two\n' });
  inCage('add', '--', 'a.txt');
  await bring();
  expect(userGit(project, 'symbolic-ref', 'HEAD').trim()).toBe('refs/heads/feature');
  expect(userGit(project, 'cat-file', '-t', 'v1').trim()).toBe('tag');
  expect(userGit(project, 'status', '--short')).toBe('M  a.txt\n');
});

test('a branch that moved in the project as well stays, and the cage’s commit is kept beside it', async () => {
  const commit = commitInCage('new.txt');
  userGit(project, 'commit', '--quiet', '--allow-empty', '-m', 'meanwhile');
  const before = head();
  const { moved, saved } = await bring();
  expect([moved, saved]).toEqual([
    [],
    [{ ref: 'refs/heads/main', as: 'refs/ironcage/c/heads/main', because: 'it moved in the project as well' }],
  ]);
  expect([head(), userGit(project, 'rev-parse', 'refs/ironcage/c/heads/main').trim()]).toEqual([before, commit]);
  expect(unreturnedRefs(workspace)).toEqual([]);
});

test('what was kept beside a branch before stays when something else is to be kept there', async () => {
  const kept: string[] = [];
  for (const name of ['one', 'two', 'three']) {
    kept.push(commitInCage(`${name}.txt`));
    userGit(project, 'commit', '--quiet', '--allow-empty', '-m', name);
    expect((await bring()).saved).toHaveLength(1);
    // As a start does it: the cage goes on with the project's branch.
    expect(await refreshMountedGit(workspace)).toBe(true);
  }
  const names = userGit(project, 'for-each-ref', '--format=%(objectname)', 'refs/ironcage');
  expect(names.trim().split('\n').sort()).toEqual(kept.sort());
});

test('what the same cage kept goes on where it is when it is committed upon', async () => {
  commitInCage('one.txt');
  userGit(project, 'commit', '--quiet', '--allow-empty', '-m', 'meanwhile');
  await bring();
  const second = commitInCage('two.txt');
  expect((await bring()).saved.map(({ as }) => as)).toEqual(['refs/ironcage/c/heads/main']);
  expect(userGit(project, 'rev-parse', 'refs/ironcage/c/heads/main').trim()).toBe(second);
});

test('a branch in the place of a directory of branches is kept, and holds up nothing else', async () => {
  userGit(project, 'branch', 'topic');
  await refreshMountedGit(workspace);
  inCage('branch', '-D', 'topic');
  inCage('checkout', '--quiet', '-b', 'topic/part');
  const commit = commitInCage('new.txt');
  inCage('tag', 'v2');
  await bring();
  const refs = userGit(project, 'for-each-ref', '--format=%(objectname) %(refname)', '--points-at', commit);
  expect(refs).toContain('refs/tags/v2');
  expect(refs).toContain('topic');
  expect(unreturnedRefs(workspace)).toEqual([]);
});

test('an index that the user worked on meanwhile stays, and so does the branch that belongs to it', async () => {
  commitInCage('new.txt');
  writeFiles(project, { 'mine.txt': 'mine\n' });
  userGit(project, 'add', 'mine.txt');
  const before = head();
  const { saved, checkoutStays } = await bring();
  expect(saved.map(({ because }) => because)).toEqual(['the project’s index changed as well']);
  expect(checkoutStays).toBe('the project’s index changed as well');
  expect(head()).toBe(before);
  expect(userGit(project, 'diff', '--cached', '--name-only').trim()).toBe('mine.txt');
});

test('a git that is at work in the project is waited for by the next command', async () => {
  const commit = commitInCage('new.txt');
  const lock = join(project, '.git/index.lock');
  writeFileSync(lock, '');
  await expect(bring()).rejects.toThrow(/git is at work/);
  rmSync(lock);
  await bring();
  expect(head()).toBe(commit);
  expect(userGit(project, 'status', '--short')).toBe('');
});

test('each stash is kept, the older ones too', async () => {
  for (const text of ['first', 'second']) {
    writeFiles(project, { 'a.txt': text });
    inCage('stash', '--quiet');
  }
  const { saved } = await bring();
  expect(saved).toHaveLength(2);
  const texts = saved.map(({ as }) => userGit(project, 'show', `${as}:a.txt`)).sort();
  expect(texts).toEqual(['first', 'second']);
});

test('a commit that adds a repository within the repository is kept beside, and is checked out nowhere', async () => {
  const before = head();
  writeFiles(project, { 'evil/x': '' });
  userGit(join(project, 'evil'), 'init', '--quiet');
  userGit(join(project, 'evil'), 'commit', '--quiet', '--allow-empty', '-m', 'inner');
  // What git on the host would run, were this a submodule of its index.
  userGit(join(project, 'evil'), 'config', 'core.fsmonitor', `touch ${join(store, 'ran')}`);
  inCage('add', '--', 'evil');
  inCage('commit', '--quiet', '-m', 'evil');
  rmSync(join(store, 'ran'), { force: true });
  const { saved } = await bring();
  expect(saved.map(({ because }) => because)).toEqual(['it adds a repository within the repository']);
  expect(head()).toBe(before);
  userGit(project, 'status');
  expect(existsSync(join(store, 'ran'))).toBe(false);
  // The control: in the index it is what runs.
  userGit(project, 'add', 'evil');
  rmSync(join(store, 'ran'), { force: true });
  userGit(project, 'status');
  expect(existsSync(join(store, 'ran'))).toBe(true);
});

test('flags that hide changes from git status do not come back', async () => {
  inCage('update-index', '--assume-unchanged', 'a.txt');
  commitInCage('new.txt');
  await bring();
  writeFiles(project, { 'a.txt': 'changed unseen\n' });
  expect(userGit(project, 'status', '--short')).toBe(' M a.txt\n');
});

test('hooks, settings and pointers in the cage’s repository stay there', async () => {
  const gitDir = cageGitDir();
  const before = readFileSync(join(project, '.git/config'), 'utf8');
  mkdirSync(join(gitDir, 'elsewhere'));
  for (const name of ['hooks/reference-transaction', 'hooks/post-index-change']) {
    writeFileSync(join(gitDir, name), `#!/bin/sh\ntouch ${join(store, 'ran')}\n`, { mode: 0o755 });
  }
  const commit = commitInCage('new.txt');
  rmSync(join(store, 'ran'), { force: true });
  appendFileSync(join(gitDir, 'config'), `[core]\n\tfsmonitor = touch ${join(store, 'ran')}\n`);
  writeFileSync(join(gitDir, 'commondir'), 'elsewhere\n');
  await bring();
  expect(head()).toBe(commit);
  expect(existsSync(join(store, 'ran'))).toBe(false);
  expect(readFileSync(join(project, '.git/config'), 'utf8')).toBe(before);
  expect(existsSync(join(project, '.git/commondir'))).toBe(false);
});

test('objects of another repository do not come along by a link or a list of places', async () => {
  const other = createRepository({ secret: 'hunter2\n' });
  const secret = userGit(other, 'rev-parse', 'HEAD').trim();
  const gitDir = cageGitDir();
  writeFileSync(join(gitDir, 'refs/heads/stolen'), `${secret}\n`);
  writeFileSync(join(gitDir, 'objects/info/alternates'), `${join(other, '.git/objects')}\n`);
  for (const name of new Set([secret.slice(0, 2)])) {
    rmSync(join(gitDir, 'objects', name), { recursive: true, force: true });
    symlinkSync(join(other, '.git/objects', name), join(gitDir, 'objects', name));
  }
  await expect(bring()).rejects.toThrow();
  expect(() => userGit(project, 'cat-file', '-e', secret)).toThrow();
  // The control: the cage’s own git reaches it.
  expect(inCage('cat-file', '-t', secret).trim()).toBe('commit');
  rmSync(other, { recursive: true });
});

test.each(['HEAD', 'index', 'refs/heads'])('a pipe or a link in the place of %s is read by nobody', async (name) => {
  const gitDir = cageGitDir();
  const commit = commitInCage('new.txt');
  const before = head();
  for (const make of [
    (path: string): unknown => execFileSync('mkfifo', [path]),
    (path: string): void => symlinkSync('/dev/zero', path),
  ]) {
    rmSync(join(gitDir, name), { recursive: true, force: true });
    mkdirSync(join(gitDir, name, '..'), { recursive: true });
    make(join(gitDir, name));
    await bring().catch(() => undefined);
    expect(userGit(project, 'fsck', '--strict')).toBe('');
    expect([before, commit]).toContain(head());
  }
});

test('a cage that nobody is in goes on with the project’s repository as it stands, unless it is in the middle of a merge', async () => {
  userGit(project, 'commit', '--quiet', '--allow-empty', '-m', 'meanwhile');
  expect(await refreshMountedGit(workspace)).toBe(true);
  expect(inCage('rev-parse', 'HEAD').trim()).toBe(head());
  const gitDir = cageGitDir();
  writeFileSync(join(gitDir, 'MERGE_HEAD'), `${head()}\n`);
  userGit(project, 'commit', '--quiet', '--allow-empty', '-m', 'again');
  expect(await refreshMountedGit(workspace)).toBe(false);
  expect(inCage('rev-parse', 'HEAD').trim()).not.toBe(head());
});
