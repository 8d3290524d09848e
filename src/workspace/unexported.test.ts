// What exists nowhere else but in a cage: its files, and commits whose contents are in none of them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, writeFiles } from '../../test/support/repositories.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { hasUnexportedFiles } from './unexported.ts';
import type { PreparedWorkspace } from './workspace.ts';

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
