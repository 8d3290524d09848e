import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { computeChange } from './change.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import type { PreparedWorkspace } from './workspace.ts';

/** Mounts the workspace as the native backend does, in a user namespace of its own, and runs a script in the merged tree. */
function inCage(workspace: PreparedWorkspace, script: string) {
  const { upper, work, merged } = workspace.directories;
  const options = `lowerdir=${workspace.projectRoot},upperdir=${upper},workdir=${work},userxattr`;
  const mount = `mount -t overlay overlay -o "$1" "$2" && cd "$2" && `;
  return spawnSync('unshare', ['-Urm', 'sh', '-euc', mount + script, 'sh', options, merged], { encoding: 'utf8' });
}

async function overlayOf(root: string): Promise<PreparedWorkspace> {
  const project = await inspectProject(root);
  return prepareWorkspace({ project, storeDirectory: temporaryDirectory(), strategy: 'overlay' });
}

const probe = inCage(await overlayOf(createRepository({ a: '1' })), 'true');
const here = test.skipIf(probe.status !== 0);

const summary = (change: Awaited<ReturnType<typeof computeChange>>) =>
  change.files.map((file) => `${file.change} ${file.from === undefined ? '' : `${file.from} > `}${file.path}`).sort();

here('every kind of change is read from the upper layer alone', async () => {
  const root = createRepository({
    edit: 'a\n', gone: '1', 'dir/x': '1', 'dir/deep/y': '2', 'again/old': 'o', 'again/kept': 'k\n', swap: 's', 'sub dir/ü': 'u\n',
    'moved/one': '1\n'.repeat(30), 'moved/two': '2\n'.repeat(30),
  }); // prettier-ignore
  const workspace = await overlayOf(root);
  const ran = inCage(
    workspace,
    `echo b > edit; rm gone; rm -r dir; rm -r again; mkdir again; echo new > again/new; rm swap; mkdir swap; echo 1 > swap/in
     mv moved elsewhere; echo v > "sub dir/ü"; mkdir -p fresh/empty; chmod 755 "sub dir/ü"; ln -s /etc/passwd link; mkfifo pipe`,
  );
  expect(ran.stderr).toBe('');
  const change = await computeChange(workspace);
  expect(summary(change)).toEqual([
    'added again/new', 'added link', 'added swap/in', 'deleted again/kept', 'deleted again/old', 'deleted dir/deep/y',
    'deleted dir/x', 'deleted gone', 'deleted swap', 'modified edit', 'modified sub dir/ü',
    'renamed moved/one > elsewhere/one', 'renamed moved/two > elsewhere/two',
  ]); // prettier-ignore
  expect(change.skipped).toEqual([{ path: 'pipe', reason: 'it is a pipe, socket or device' }]);
});

here('history works inside, remotes and secrets are not there', async () => {
  const root = createRepository({ a: '1', '.gitignore': '.env\n' });
  userGit(root, 'remote', 'add', 'origin', 'https://me:s3cr3t-t0ken@example.org/x.git');
  userGit(root, 'config', 'user.name', 'Ada');
  userGit(root, 'config', 'user.email', 'ada@example.org');
  writeFiles(root, { '.env': 'K=1', '.git/FETCH_HEAD': 's3cr3t-t0ken' });
  const workspace = await overlayOf(root);
  const ran = inCage(
    workspace,
    `echo 2 > a; git commit -qam second; git log --format=%s%an; git remote; git status --short; test ! -e .env; test ! -e .git/FETCH_HEAD
     ! grep -r s3cr3t-t0ken .git`,
  );
  expect([ran.stdout, ran.stderr]).toEqual(['secondAda\nfirstAda\n', '']);
  expect(summary(await computeChange(workspace))).toEqual(['modified a']);
  expect(userGit(root, 'log', '--format=%s')).toBe('first\n');
});

here('a linked worktree works inside from the objects outside', async () => {
  const main = createRepository({ a: '1' });
  userGit(main, 'config', 'user.name', 'Ada');
  userGit(main, 'config', 'user.email', 'ada@example.org');
  const root = join(temporaryDirectory(), 'tree');
  userGit(main, 'worktree', 'add', '--quiet', '-b', 'topic', root);
  const workspace = await overlayOf(root);
  const ran = inCage(
    workspace,
    'git status --short --branch; git log --format=%s; echo 2 > a; git stash -q; git diff --stat',
  );
  expect([ran.stdout, ran.stderr]).toEqual(['## topic\nfirst\n', '']);
  expect(lstatSync(join(root, '.git')).isFile()).toBe(true);
});

here('new files that an unchanged ignore file of the project covers stay out', async () => {
  const root = createRepository({
    '.gitignore': 'node_modules/\n',
    'pkg/.gitignore': '*.o\n',
    'pkg/a.c': '1',
    'pkg/t.o': '',
  });
  userGit(root, 'add', '--force', 'pkg/t.o');
  const workspace = await overlayOf(root);
  const ran = inCage(
    workspace,
    'mkdir -p node_modules/x; echo 1 > node_modules/x/i.js; echo 1 > pkg/b.o; echo 1 > pkg/b.c; echo 2 > pkg/t.o',
  );
  expect(ran.stderr).toBe('');
  expect(summary(await computeChange(workspace))).toEqual(['added pkg/b.c', 'modified pkg/t.o']);
});

here('what the user changes on the host meanwhile is no change of the cage', async () => {
  const root = createRepository({ a: '1', b: '2', 'd/x': '1', 'd/y': '2' });
  const workspace = await overlayOf(root);
  expect(inCage(workspace, 'echo cage > a; echo z > d/z').stderr).toBe('');
  writeFileSync(join(root, 'b'), 'host');
  writeFiles(root, { new: 'host', 'd/y': 'host' });
  expect(summary(await computeChange(workspace))).toEqual(['added d/z', 'modified a']);
});

here('the permissions of the project’s directories are those inside', async () => {
  const root = createRepository({ 'private/.gitignore': 'key.pem\n', a: '1' });
  writeFiles(root, { 'private/key.pem': 'k' });
  chmodSync(join(root, 'private'), 0o750);
  chmodSync(root, 0o711);
  const workspace = await overlayOf(root);
  expect(inCage(workspace, 'stat -c %a . private; ls private').stdout).toBe('711\n750\n');
});

test('a machine without overlays in user namespaces says why these tests were skipped', () => {
  expect(probe.status === 0 ? 'ran' : probe.stderr).not.toBe('');
});
