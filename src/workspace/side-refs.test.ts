import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { sideRefs } from './side-refs.ts';
import { hasUnexportedWork } from './unexported.ts';

test('commits beside the checked-out branch are work, those of the project and the checked-out one are not', async () => {
  const root = createRepository({ a: '1\n' });
  userGit(root, 'commit', '--allow-empty', '-qm', 'second');
  userGit(root, 'branch', 'old', 'HEAD~1');
  userGit(root, 'tag', 'v1', 'HEAD~1');
  const workspace = await prepareWorkspace({
    project: await inspectProject(root),
    storeDirectory: temporaryDirectory(),
    strategy: 'copy',
  });
  const { tree } = workspace.directories;
  userGit(tree, 'branch', 'same');
  expect([await sideRefs(workspace), await hasUnexportedWork(workspace)]).toEqual([[], false]);
  userGit(tree, 'checkout', '-qb', 'side');
  userGit(tree, 'commit', '--allow-empty', '-qm', 'aside');
  userGit(tree, 'pack-refs', '--all');
  expect(await sideRefs(workspace)).toEqual([]);
  userGit(tree, 'checkout', '-q', '-');
  writeFiles(tree, { a: '2\n' });
  userGit(tree, 'stash', '-q');
  expect(await sideRefs(workspace)).toEqual(['branch side', expect.stringMatching(/^stash [0-9a-f]{12}$/)]);
  expect(await hasUnexportedWork(workspace)).toBe(true);
});
