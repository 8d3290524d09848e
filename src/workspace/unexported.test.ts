// What exists nowhere else but in a cage: its files, and commits whose contents are in none of them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { ignoredWork } from './ignored-work.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { rememberApplied } from './remember-applied.ts';
import { ownCommits } from './side-refs.ts';
import { hasUnexportedFiles, hasUnexportedWork } from './unexported.ts';
import { loadWorkspace, type PreparedWorkspace } from './workspace.ts';

async function prepare(root: string, strategy: 'copy' | 'overlay'): Promise<PreparedWorkspace> {
  return prepareWorkspace({ project: await inspectProject(root), storeDirectory: temporaryDirectory(), strategy });
}

test('an overlay in which nobody has written is told from others without a look at its base', async () => {
  const workspace = await prepare(createRepository({ a: '1' }), 'overlay');
  rmSync(join(workspace.base.gitDir, 'HEAD'));
  expect(await hasUnexportedFiles(workspace)).toBe(false);
  writeFiles(workspace.directories.upper, { b: '1' });
  await expect(hasUnexportedFiles(workspace)).rejects.toMatchObject({ code: 'E_WORKSPACE' });
});

test('commits whose contents are in no file of the cage are work, until the project has them or was given what they came to', async () => {
  const root = createRepository({ a: '1' });
  const workspace = await prepare(root, 'copy');
  const { tree } = workspace.directories;
  const again = async (): Promise<PreparedWorkspace> => (await loadWorkspace(workspace.storeDirectory)) ?? workspace;
  const commits = async (): Promise<string[]> => ownCommits(await again());
  expect(await commits()).toEqual([]);
  writeFiles(tree, { found: 'a day of work' });
  userGit(tree, 'add', 'found');
  userGit(tree, 'commit', '--quiet', '-m', 'Find it');
  userGit(tree, 'revert', '--no-edit', 'HEAD');
  expect([await hasUnexportedFiles(workspace), await hasUnexportedWork(workspace)]).toEqual([false, true]);
  expect(await commits()).toEqual(['branch main']);
  userGit(tree, 'checkout', '--quiet', '--detach');
  expect(await commits()).toEqual(['HEAD']);
  await rememberApplied(workspace, workspace.base.tree);
  expect([await commits(), await hasUnexportedWork(await again())]).toEqual([[], false]);
  userGit(tree, 'commit', '--quiet', '--allow-empty', '-m', 'More');
  expect(await commits()).toEqual(['HEAD']);
  userGit(root, 'fetch', '--quiet', tree, 'HEAD');
  expect(await commits()).toEqual([]);
});

test.each(['copy', 'overlay'] as const)('%s: what an agent made where git ignores it is named, and no output of a build', async (strategy) => {
  const root = createRepository({ a: '1', '.gitignore': '*.log\n/data/\nnode_modules/\n/mine/\n' });
  writeFiles(root, { 'mine/before': '1', 'before.log': '1' });
  const workspace = await prepare(root, strategy);
  const top = strategy === 'copy' ? workspace.directories.tree : workspace.directories.upper;
  expect(await ignoredWork(workspace)).toEqual([]);
  writeFiles(top, { 'data/deep/results.csv': '1', 'sub/x.log': '1', 'node_modules/x/index.js': '1', 'data/node_modules/y': '1', new: '1' });
  expect(await ignoredWork(workspace)).toEqual(['data/', 'sub/x.log']);
  writeFiles(top, { 'mine/after': '1', 'before.log': '2' });
  expect(await ignoredWork(workspace)).toEqual(['before.log', 'data/', 'mine/', 'sub/x.log']);
}); // prettier-ignore
