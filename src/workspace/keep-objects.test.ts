// The base outlives what the project's repository does with its objects. Each test shows first that they are really gone there.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { textOfChange } from '../../test/support/change-text.ts';
import { computeChange } from './change.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';

async function copyOf(root: string, storeDirectory = temporaryDirectory()) {
  return prepareWorkspace({ project: await inspectProject(root), storeDirectory, strategy: 'copy' });
}

/** Rewrites the only commit, forgets the old one and collects at once. */
function forget(root: string, path: string): void {
  writeFileSync(join(root, path), 'something else altogether\n');
  userGit(root, 'commit', '--quiet', '--all', '--amend', '-m', 'rewritten');
  userGit(root, 'reflog', 'expire', '--expire=now', '--all');
  userGit(root, 'repack', '-adq');
  userGit(root, 'gc', '--quiet', '--prune=now');
}

function has(root: string, oid: string): boolean {
  return spawnSync('git', ['-C', root, '-c', 'safe.directory=*', 'cat-file', '-e', oid]).status === 0;
}

for (const packed of [false, true]) {
  test(`rewriting history and collecting takes no object of the base away (${packed ? 'packed' : 'loose'})`, async () => {
    const root = createRepository({ a: 'before\n', 'dir/b': 'b\n' });
    if (packed) userGit(root, 'gc', '--quiet');
    const oid = userGit(root, 'rev-parse', 'HEAD:a').trim();
    const workspace = await copyOf(root);
    writeFiles(workspace.directories.tree, { a: 'before\nafter\n' });
    forget(root, 'a');
    expect(has(root, oid)).toBe(false);
    const change = await computeChange(workspace);
    expect(change.files).toMatchObject([{ path: 'a', change: 'modified', insertions: 1, deletions: 0 }]);
    expect(await textOfChange(workspace, change, 'full')).toContain(' before\n+after\n');
    userGit('/', `--git-dir=${workspace.base.gitDir}`, 'fsck', '--full', '--strict');
  });
}

test('nor does the same in a submodule, or in a repository whose objects the project borrows', async () => {
  const library = createRepository({ lib: 'lib\n' });
  const source = createRepository({ a: 'before\n' });
  const root = join(temporaryDirectory(), 'clone');
  userGit('/', 'clone', '--quiet', '--shared', source, root);
  userGit(root, 'submodule', 'add', '--quiet', library, 'sub');
  userGit(root, 'commit', '--quiet', '-m', 'with sub');
  const [a, lib] = [userGit(source, 'rev-parse', 'HEAD:a').trim(), userGit(library, 'rev-parse', 'HEAD:lib').trim()];
  const workspace = await copyOf(root);
  writeFiles(workspace.directories.tree, { a: 'x\n', 'sub/lib': 'x\n' });
  forget(source, 'a');
  forget(join(root, 'sub'), 'lib');
  rmSync(join(root, '.git/modules'), { recursive: true });
  expect([has(source, a), has(join(root, 'sub'), lib)]).toEqual([false, false]);
  const text = await textOfChange(workspace, await computeChange(workspace), 'full');
  expect(text).toContain('-before\n');
  expect(text).toContain('-lib\n');
});

const elsewhere = '/dev/shm';
const isElsewhere = statSync(elsewhere, { throwIfNoEntry: false })?.dev !== statSync(temporaryDirectory()).dev;

test.skipIf(!isElsewhere)('on another file system the base is packed instead', async () => {
  const root = createRepository({ a: 'before\n' });
  const store = realpathSync(mkdtempSync(join(elsewhere, 'ironcage-test-')));
  try {
    const workspace = await copyOf(root, store);
    expect(execFileSync('find', [workspace.base.gitDir, '-name', '*.pack'], { encoding: 'utf8' })).not.toBe('');
    writeFiles(workspace.directories.tree, { a: 'after\n' });
    forget(root, 'a');
    expect(await textOfChange(workspace, await computeChange(workspace), 'full')).toContain('-before\n+after\n');
  } finally {
    rmSync(store, { recursive: true });
  }
});

test('the project keeps its own files, and only their link counts change', async () => {
  const root = createRepository({ a: '1' });
  userGit(root, 'gc', '--quiet');
  mkdirSync(join(root, '.git/objects/pack'), { recursive: true });
  const before = execFileSync('find', [join(root, '.git'), '-type', 'f', '-printf', '%P %s %m %T@\n'], {
    encoding: 'utf8',
  });
  await copyOf(root);
  expect(
    execFileSync('find', [join(root, '.git'), '-type', 'f', '-printf', '%P %s %m %T@\n'], { encoding: 'utf8' }),
  ).toBe(before);
});
