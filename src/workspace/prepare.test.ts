import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';

async function prepare(root: string, strategy: 'overlay' | 'copy', store = temporaryDirectory()) {
  return prepareWorkspace({ project: await inspectProject(root), storeDirectory: store, strategy });
}

function treeFiles(gitDir: string, tree: string): string[] {
  return userGit('/', `--git-dir=${gitDir}`, 'ls-tree', '-r', '--name-only', '-z', tree).split('\0').slice(0, -1);
}

test('a copy holds tracked, modified and untracked files, and the history', async () => {
  const root = createRepository({ 'a.txt': 'one\n', 'dir with space/ü\n.txt': 'x', '.gitignore': 'node_modules\n' });
  writeFiles(root, { 'a.txt': 'two\n', 'new.txt': 'new', 'node_modules/m.js': '1' });
  symlinkSync('/etc/passwd', join(root, 'outside'));
  const { directories, base } = await prepare(root, 'copy');
  expect(readFileSync(join(directories.tree, 'a.txt'), 'utf8')).toBe('two\n');
  expect(readFileSync(join(directories.tree, 'node_modules/m.js'), 'utf8')).toBe('1');
  expect(readlinkSync(join(directories.tree, 'outside'))).toBe('/etc/passwd');
  expect(treeFiles(base.gitDir, base.tree)).toEqual([
    '.gitignore',
    'a.txt',
    'dir with space/ü\n.txt',
    'new.txt',
    'outside',
  ]);
  expect(userGit('/', `--git-dir=${base.gitDir}`, 'cat-file', 'blob', `${base.tree}:a.txt`)).toBe('two\n');
  expect(userGit(directories.tree, 'log', '--format=%s')).toBe('first\n');
  expect(userGit(directories.tree, 'status', '--porcelain')).toBe(' M a.txt\n?? new.txt\n?? outside\n');
  userGit(directories.tree, 'stash');
  userGit(directories.tree, 'commit', '--quiet', '--allow-empty', '-m', 'inside');
});

test('remotes, credentials and programs of the git config stay outside', async () => {
  const root = createRepository({ a: '1' });
  const token = 'ghp_0123456789';
  userGit(root, 'remote', 'add', 'origin', `https://me:${token}@example.org/x.git`);
  userGit(root, 'config', 'credential.helper', `!echo ${token}`);
  userGit(root, 'config', 'alias.x', `!echo ${token}`);
  userGit(root, 'config', 'user.name', 'Grace "H"');
  writeFiles(root, {
    '.git/FETCH_HEAD': token,
    '.git/logs/HEAD': `clone: from https://me:${token}@example.org/x.git\n`,
    ...{ '.git/hooks/pre-commit': token, '.git/config~': token, '.git/credentials/store': token },
    ...{ '.git/git-crypt/keys/default': token, '.git/worktrees/w/x': token, '.git/COMMIT_EDITMSG': 'kept\n' },
  });
  const library = createRepository({ lib: '1' });
  userGit(root, 'submodule', 'add', '--quiet', '--name', 'deep/name', library, 'sub');
  userGit(root, 'config', '-f', '.git/modules/deep/name/config', 'filter.x.clean', token);
  writeFiles(root, { '.git/modules/deep/name/hooks/pre-commit': token, '.git/modules/deep/name/svn/auth': token });
  userGit(join(root), 'init', '--quiet', 'nested');
  writeFiles(root, { 'nested/.git/hooks/post-checkout': token, 'nested/file': '1' });
  userGit(root, 'config', 'core.fsmonitor', `touch ${root}/ran`);
  for (const strategy of ['copy', 'overlay'] as const) {
    const { directories } = await prepare(root, strategy);
    const top = strategy === 'copy' ? directories.tree : directories.upper;
    const config = readFileSync(join(top, '.git/config'), 'utf8');
    expect(config).not.toContain(token);
    expect(config).toContain('Grace');
    if (strategy === 'copy') expect(readFileSync(join(top, '.git/COMMIT_EDITMSG'), 'utf8')).toBe('kept\n');
    const search = spawnSync('grep', ['-rl', token, top], { encoding: 'utf8' });
    expect(search.stdout).toBe('');
  }
  expect(existsSync(join(root, 'ran'))).toBe(false);
});

test('ignored files that look like secrets are left out and named', async () => {
  const root = createRepository({ a: '1', '.gitignore': '.env\nprivate/\n' });
  writeFiles(root, {
    '.env': 'KEY=1',
    '.env.example': 'KEY=',
    'private/deep/server.key': 'k',
    'private/notes.txt': 'n',
  });
  const copy = await prepare(root, 'copy');
  expect(copy.leftOut.map((entry) => entry.path).sort()).toEqual(['.env', 'private/deep/server.key']);
  expect(existsSync(join(copy.directories.tree, '.env'))).toBe(false);
  expect(existsSync(join(copy.directories.tree, 'private/notes.txt'))).toBe(true);
  const overlay = await prepare(root, 'overlay');
  expect(overlay.maskedPaths).toEqual([]);
  const whiteout = lstatSync(join(overlay.directories.upper, 'private/deep/server.key'));
  expect(whiteout.isCharacterDevice() && whiteout.rdev === 0).toBe(true);
});

test('a linked worktree becomes a repository of its own inside', async () => {
  const main = createRepository({ a: '1' });
  const root = join(temporaryDirectory(), 'tree');
  userGit(main, 'worktree', 'add', '--quiet', '-b', 'topic', root);
  writeFiles(root, { b: '2' });
  const copy = await prepare(root, 'copy');
  expect(userGit(copy.directories.tree, 'log', '--format=%s %D')).toBe('first HEAD -> topic, main\n');
  expect(userGit(copy.directories.tree, 'status', '--porcelain')).toBe('?? b\n');
  expect(copy.extraReadOnlyBinds).toEqual([]);
  const overlay = await prepare(root, 'overlay');
  expect(overlay.extraReadOnlyBinds).toEqual([
    { source: join(main, '.git/objects'), target: join(main, '.git/objects') },
  ]);
  expect(userGit(overlay.directories.upper, 'log', '--format=%s')).toBe('first\n');
});

test('a submodule of a linked worktree, whose repository lies outside, becomes one of the cage’s own', async () => {
  const library = createRepository({ lib: '1' });
  const main = createRepository({ a: '1' });
  userGit(main, 'submodule', 'add', '--quiet', library, 'sub');
  userGit(main, 'commit', '--quiet', '-m', 'with sub');
  const root = join(temporaryDirectory(), 'tree');
  userGit(main, 'worktree', 'add', '--quiet', '-b', 'topic', root);
  userGit(root, 'submodule', 'update', '--init', '--quiet');
  writeFiles(root, { 'sub/more': 'x' });
  const { directories } = await prepare(root, 'copy');
  rmSync(main, { recursive: true });
  expect(userGit(join(directories.tree, 'sub'), 'log', '--format=%s')).toBe('first\n');
  expect(userGit(join(directories.tree, 'sub'), 'status', '--porcelain')).toBe('?? more\n');
});

test('a project that is a submodule checkout keeps its history', async () => {
  const library = createRepository({ lib: '1' });
  const root = createRepository({ a: '1' });
  userGit(root, 'submodule', 'add', '--quiet', library, 'sub');
  userGit(root, 'commit', '--quiet', '-m', 'with sub');
  const { directories } = await prepare(join(root, 'sub'), 'copy');
  expect(userGit(directories.tree, 'log', '--format=%s')).toBe('first\n');
  expect(userGit(directories.tree, 'status', '--porcelain')).toBe('');
});

test('submodules and nested repositories are plain files of the base', async () => {
  const library = createRepository({ lib: '1' });
  const root = createRepository({ a: '1' });
  userGit(root, 'submodule', 'add', '--quiet', library, 'sub');
  userGit(root, 'commit', '--quiet', '-m', 'with sub');
  writeFiles(root, { 'sub/lib': 'changed', 'sub/more': 'x', 'nested/inner': 'n', 'nested/deep/x': 'y' });
  userGit(join(root, 'nested'), 'init', '--quiet');
  const { base, directories } = await prepare(root, 'copy');
  expect(treeFiles(base.gitDir, base.tree)).toEqual([
    '.gitmodules',
    'a',
    'nested/deep/x',
    'nested/inner',
    'sub/lib',
    'sub/more',
  ]);
  expect([...base.nested].sort()).toEqual(['nested', 'sub']);
  expect(readFileSync(join(directories.tree, '.git/modules/sub/config'), 'utf8')).not.toContain(library);
  expect(userGit(join(directories.tree, 'sub'), 'status', '--porcelain')).toBe(' M lib\n?? more\n');
});

test('the base holds the bytes on disk, whatever filters and line ends are configured', async () => {
  const root = createRepository({ '.gitattributes': '* text=auto eol=lf\n*.id ident\n*.up filter=up\n', a: 'x\n' });
  userGit(root, 'config', 'filter.up.clean', `sh -c 'touch ${root}/ran; tr a-z A-Z'`);
  userGit(root, 'config', 'filter.up.required', 'true');
  writeFiles(root, { a: 'x\r\n', 'b.id': '$Id: abc $\n', 'c.up': 'lower\n' });
  userGit(root, 'add', 'a', 'b.id');
  const { base } = await prepare(root, 'copy');
  const show = (path: string) => userGit('/', `--git-dir=${base.gitDir}`, 'cat-file', 'blob', `${base.tree}:${path}`);
  expect([show('a'), show('b.id'), show('c.up')]).toEqual(['x\r\n', '$Id: abc $\n', 'lower\n']);
  expect(existsSync(join(root, 'ran'))).toBe(false);
});

test.each(['sha1', 'sha256'])('a repository without commits works (%s)', async (format) => {
  const root = temporaryDirectory();
  userGit(root, 'init', '--quiet', `--object-format=${format}`);
  writeFiles(root, { a: '1' });
  const { base } = await prepare(root, 'overlay');
  expect(base.head).toBeUndefined();
  expect(base.objectFormat).toBe(format);
  expect(treeFiles(base.gitDir, base.tree)).toEqual(['a']);
});

test('a directory without git works; its secrets and pipes stay out', async () => {
  const root = temporaryDirectory();
  writeFiles(root, {
    'a b/c': '1',
    '.env.local': 'K=1',
    '.npmrc': '//r/:_authToken=abc\n',
    'sub/.npmrc': 'save-exact=true\n',
  });
  execFileSync('mkfifo', [join(root, 'pipe')]);
  symlinkSync('.', join(root, 'loop'));
  const { base, directories, leftOut } = await prepare(root, 'copy');
  expect(treeFiles(base.gitDir, base.tree)).toEqual(['a b/c', 'loop', 'sub/.npmrc']);
  expect(leftOut.map((entry) => entry.path).sort()).toEqual(['.env.local', '.npmrc', 'pipe']);
  expect(existsSync(join(directories.tree, 'pipe'))).toBe(false);
});

test('a half-made workspace is made again, a finished one is returned', async () => {
  const root = createRepository({ a: '1' });
  const store = temporaryDirectory();
  mkdirSync(join(store, 'workspace.new/tree'), { recursive: true });
  writeFileSync(join(store, 'workspace.new/tree/stale'), '');
  const first = await prepare(root, 'copy', store);
  expect(existsSync(join(first.directories.tree, 'stale'))).toBe(false);
  writeFiles(first.directories.tree, { work: 'of the agent' });
  const second = await prepare(root, 'copy', store);
  expect(second).toEqual(first);
  expect(existsSync(join(second.directories.tree, 'work'))).toBe(true);
});

test('files flagged as unchanged or sparse are recorded as they are', async () => {
  const root = createRepository({ a: '1', b: '2' });
  userGit(root, 'update-index', '--assume-unchanged', 'a');
  userGit(root, 'update-index', '--skip-worktree', 'b');
  writeFiles(root, { a: 'changed' });
  execFileSync('rm', [join(root, 'b')]);
  const { base } = await prepare(root, 'copy');
  expect(treeFiles(base.gitDir, base.tree)).toEqual(['a']);
  expect(userGit('/', `--git-dir=${base.gitDir}`, 'cat-file', 'blob', `${base.tree}:a`)).toBe('changed');
});

test('a project that is gone is an error that says so', async () => {
  await expect(inspectProject(join(temporaryDirectory(), 'gone'))).rejects.toMatchObject({ code: 'E_NO_PROJECT' });
});

test.skipIf(process.geteuid?.() !== 0)(
  'a copy made by root belongs to the owner it is made for, with no set-id bits',
  async () => {
    const root = createRepository({ 'dir/a': '1' });
    chmodSync(join(root, 'dir/a'), 0o4755);
    symlinkSync('a', join(root, 'dir/link'));
    const owner = { uid: 65534, gid: 65534 };
    const options = {
      project: await inspectProject(root),
      storeDirectory: temporaryDirectory(),
      strategy: 'copy',
      owner,
    } as const;
    const { tree } = (await prepareWorkspace(options)).directories;
    for (const path of ['', 'dir', 'dir/a', 'dir/link', '.git', '.git/config', '.git/HEAD', '.git/objects']) {
      expect(lstatSync(join(tree, path)), path).toMatchObject(owner);
    }
    expect(lstatSync(join(tree, 'dir/a')).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(root, 'dir/a')).uid).toBe(0);
  },
);

test.skipIf(process.geteuid?.() === 0)('a file that cannot be read is named and left out', async () => {
  const root = createRepository({ a: '1' });
  writeFiles(root, { locked: 'x' });
  chmodSync(join(root, 'locked'), 0);
  const { base, leftOut } = await prepare(root, 'copy');
  expect(base.unreadable).toEqual(['locked']);
  expect(leftOut).toEqual([{ path: 'locked', reason: 'it cannot be read' }]);
});

test('a workspace record that was damaged is an error, and the work stays', async () => {
  const store = temporaryDirectory();
  const root = createRepository({ a: '1' });
  const { directories } = await prepare(root, 'copy', store);
  writeFileSync(join(store, 'workspace/workspace.json'), '{"version":1}');
  await expect(prepare(root, 'copy', store)).rejects.toMatchObject({ code: 'E_STATE_BROKEN' });
  expect(existsSync(join(directories.tree, 'a'))).toBe(true);
});

function failing(): Promise<never> {
  return Promise.reject(new Error('no engine'));
}

test('nothing is laid before what is waited for has come, and that is not asked of a project which cannot be taken in', async () => {
  const [root, store] = [createRepository({ 'a.txt': 'one\n' }), temporaryDirectory()];
  const laid = (): boolean => existsSync(join(store, 'workspace.new', 'tree', 'a.txt'));
  const seen: boolean[] = [];
  const ready = (): Promise<void> => {
    seen.push(laid());
    return Promise.resolve();
  };
  const options = { storeDirectory: store, strategy: 'copy' as const };
  const { directories } = await prepareWorkspace({ project: await inspectProject(root), ...options, ready });
  expect({ seen, there: existsSync(join(directories.tree, 'a.txt')) }).toEqual({ seen: [false], there: true });

  const broken = createRepository({ 'a.txt': 'one\n' });
  const project = await inspectProject(broken);
  rmSync(join(broken, '.git', 'objects'), { recursive: true });
  const other = { storeDirectory: temporaryDirectory(), strategy: 'copy' as const };
  await expect(prepareWorkspace({ project, ...other, ready })).rejects.toThrow();
  expect(seen).toHaveLength(1);
  const refused = { storeDirectory: temporaryDirectory(), strategy: 'copy' as const };
  await expect(prepareWorkspace({ project: await inspectProject(root), ...refused, ready: failing })).rejects.toThrow(
    'no engine',
  );
});
