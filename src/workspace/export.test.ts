import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { exportFiles } from './export.ts';
import { planExport, type ExportWish } from './plan-export.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { repairApply } from './repair-apply.ts';
import { hasUnexportedWork } from './unexported.ts';
import { loadWorkspace } from './workspace.ts';

const DEFAULTS: ExportWish = { includeIgnored: false, deletes: false, protect: [], force: false };

async function cageOf(root: string, edit: (tree: string) => void) {
  const storeDirectory = temporaryDirectory();
  const { directories } = await prepareWorkspace({
    ...{ project: await inspectProject(root), storeDirectory, strategy: 'copy' },
  });
  edit(directories.tree);
  const plan = async (wish: Partial<ExportWish> = {}) => {
    const workspace = await loadWorkspace(storeDirectory);
    if (workspace === undefined) throw new Error('no workspace');
    return planExport(workspace, { ...DEFAULTS, ...wish });
  };
  return {
    storeDirectory,
    tree: directories.tree,
    plan,
    out: async (wish: Partial<ExportWish> = {}, leaveOut: string[] = [], step?: (name: string) => void) =>
      exportFiles(await plan(wish), { leaveOut, step }),
    unexported: async () => {
      const workspace = await loadWorkspace(storeDirectory);
      return workspace && (await hasUnexportedWork(workspace));
    },
  };
}

const read = (root: string, path: string) => readFileSync(join(root, path), 'utf8');

test('into the project only what changed is written, and what is deleted in the cage is named and stays', async () => {
  const root = createRepository({ edit: 'a', gone: '1', old: 'o\n'.repeat(30), tool: '#!', private: 'p', same: 's' });
  chmodSync(join(root, 'private'), 0o600);
  const cage = await cageOf(root, (tree) => {
    writeFiles(tree, { edit: 'b', 'new dir/ü\n': 'n', private: 'q' });
    renameSync(join(tree, 'old'), join(tree, 'moved'));
    rmSync(join(tree, 'gone'));
    chmodSync(join(tree, 'tool'), 0o4755);
    symlinkSync('edit', join(tree, 'link'));
  });
  writeFiles(root, { mine: 'uncommitted', same: 'edited on the host' });
  const plan = await cage.plan();
  expect(plan).toMatchObject({ conflicts: [], wouldDelete: ['gone', 'old'], unchanged: 0 });
  expect(plan.files.map(({ path, from, change }) => [change, from, path])).toEqual([
    ['modified', undefined, 'edit'],
    ['added', undefined, 'link'],
    ['renamed', 'old', 'moved'],
    ['added', undefined, 'new dir/ü\n'],
    ['modified', undefined, 'private'],
    ['mode', undefined, 'tool'],
  ]);
  await cage.out();
  expect(read(root, 'edit') + read(root, 'new dir/ü\n') + read(root, 'private') + readlinkSync(join(root, 'link'))).toBe('bnqedit'); // prettier-ignore
  expect(readdirSync(root).sort()).toEqual(
    ['.git', 'edit', 'gone', 'link', 'mine', 'moved', 'new dir', 'old', 'private', 'same', 'tool'].sort(),
  );
  expect(lstatSync(join(root, 'private')).mode & 0o7777).toBe(0o600);
  expect(lstatSync(join(root, 'tool')).mode & 0o7777).toBe(0o755);
  expect(read(root, 'same')).toBe('edited on the host');
  expect(await cage.unexported()).toBe(true);
  await cage.out({ deletes: true });
  expect(['gone', 'old'].map((path) => existsSync(join(root, path)))).toEqual([false, false]);
  expect(await cage.unexported()).toBe(false);
  expect(await cage.plan({ deletes: true })).toMatchObject({ writes: [], conflicts: [] });
});

test('into another directory everything is written, and what stands there as it was or as it is becomes is no conflict', async () => {
  const root = createRepository({ edit: 'a', keep: 'k', gone: '1', '.gitignore': 'node_modules\n' });
  const cage = await cageOf(root, (tree) => {
    writeFiles(tree, { edit: 'b', 'sub/new': 'n', 'node_modules/x': 'x' });
    rmSync(join(tree, 'gone'));
  });
  const target = join(temporaryDirectory(), 'deep', 'out');
  expect(await cage.plan({ target })).toMatchObject({ unchanged: 2, conflicts: [] });
  expect(existsSync(target)).toBe(false);
  await cage.out({ target });
  expect(readdirSync(target).sort()).toEqual(['.gitignore', 'edit', 'keep', 'sub']);
  expect(await cage.unexported()).toBe(false);
  expect((await cage.plan({ target })).writes).toEqual([]);
  writeFiles(target, { edit: 'a', gone: '1', foreign: 'f' });
  await cage.out({ target, deletes: true });
  expect(readdirSync(target).sort()).toEqual(['.gitignore', 'edit', 'foreign', 'keep', 'sub']);
  expect(read(target, 'edit')).toBe('b');
  await cage.out({ target, includeIgnored: true });
  expect(read(target, 'node_modules/x')).toBe('x');
});

test('the files of another directory are read once, and again when they changed', async () => {
  const cage = await cageOf(createRepository({ a: '1', b: '1' }), (tree) => writeFiles(tree, { a: 'cage' }));
  const target = join(temporaryDirectory(), 'out');
  await cage.out({ target });
  const cache = join(cage.storeDirectory, 'workspace', 'target-cache.json');
  // What is too young to be told from a later write is not remembered.
  await expect.poll(async () => (await cage.plan({ target })) && read(cache, '')).toMatch(/ a".* b"/);
  expect((await cage.plan({ target })).writes).toEqual([]);
  const remembered = readFileSync(cache, 'utf8');
  writeFileSync(cache, remembered.replace(/[0-9a-f]{40} b"/, `${'0'.repeat(40)} b"`));
  expect((await cage.plan({ target })).conflicts).toEqual([{ path: 'b', kind: 'changed there since the base' }]);
  writeFileSync(cache, remembered);
  writeFiles(target, { a: 'CAGE' });
  expect((await cage.plan({ target })).conflicts).toEqual([{ path: 'a', kind: 'changed there since the base' }]);
  await cage.plan({ target: temporaryDirectory() });
  expect(read(cache, '')).not.toContain(' b"');
});

test('a file that changed there since the base keeps the whole export from being made, unless it is forced', async () => {
  const root = createRepository({ a: '1', b: '1', c: '1', d: '1', '.gitignore': '.env\n' });
  writeFileSync(join(root, '.env'), 'SECRET=1');
  const cage = await cageOf(root, (tree) => {
    writeFiles(tree, { a: 'cage', b: 'cage', free: 'cage', new: 'cage' });
    rmSync(join(tree, 'c'));
  });
  writeFiles(root, { a: 'host', c: 'host', new: 'host', d: 'host' });
  rmSync(join(root, 'b'));
  const plan = await cage.plan({ deletes: true });
  expect(plan.conflicts).toEqual([
    { path: 'a', kind: 'changed there since the base' },
    { path: 'b', kind: 'deleted there since the base' },
    { path: 'c', kind: 'changed there since the base' },
    { path: 'new', kind: 'exists' },
  ]);
  await expect(cage.out({ deletes: true })).rejects.toMatchObject({ code: 'E_CONFLICT', details: { conflicts: plan.conflicts } }); // prettier-ignore
  expect(existsSync(join(root, 'free'))).toBe(false);
  await cage.out({ deletes: true, force: true });
  expect(['a', 'b', 'free', 'new', 'd'].map((path) => read(root, path))).toEqual(['cage', 'cage', 'cage', 'cage', 'host']); // prettier-ignore
  expect(existsSync(join(root, 'c'))).toBe(false);
  expect(read(root, '.env')).toBe('SECRET=1');
});

test('git’s ignore rules of the project decide, nested and negated, whatever the cage makes of them', async () => {
  const root = createRepository({ '.gitignore': '*.log\n!keep.log\n/build/\n', 'sub/.gitignore': '*.tmp\n!/no.tmp\n', 'tracked.log': '1', 'a': '1' }); // prettier-ignore
  userGit(root, 'add', '--force', 'tracked.log');
  userGit(root, 'commit', '--quiet', '-m', 'tracked');
  const cage = await cageOf(root, (tree) => {
    writeFiles(tree, { 'tracked.log': '2', 'x.log': 'x', 'keep.log': 'k', 'sub/a.tmp': 't', 'sub/no.tmp': 'n', 'a.tmp': 'a', 'build/keep.log': 'b' }); // prettier-ignore
  });
  await cage.out();
  expect(['tracked.log', 'keep.log', 'sub/no.tmp', 'a.tmp'].map((path) => read(root, path)).join('')).toBe('2kna');
  expect(['x.log', 'sub/a.tmp', 'build'].map((path) => existsSync(join(root, path)))).toEqual([false, false, false]);

  // What the cage no longer ignores has no place here; what it newly ignores is not its work.
  writeFiles(cage.tree, { '.gitignore': 'dist\n', 'dist/out': 'o', 'y.log': 'y' });
  const plan = await cage.plan();
  expect(plan.skipped).toContainEqual({ path: 'y.log', reason: 'git ignores it in the project' });
  await cage.out();
  expect(['dist', 'y.log'].map((path) => existsSync(join(root, path)))).toEqual([false, false]);
  expect(await cage.unexported()).toBe(true);
  await cage.out({ includeIgnored: true });
  expect(read(root, 'dist/out') + read(root, 'y.log') + read(root, 'build/keep.log')).toBe('oyb');
  expect(await cage.unexported()).toBe(false);
});

test('what .cageprotect and --protect name is neither overwritten nor deleted, also by force', async () => {
  const root = createRepository({ '.cageprotect': '/conf/\n*.md\n!open.md\n', 'conf/a': '1', 'r.md': '1', 'open.md': '1', lock: '1', z: '1' }); // prettier-ignore
  const cage = await cageOf(root, (tree) => {
    writeFiles(tree, { '.cageprotect': '', 'conf/a': 'cage', 'conf/new': 'cage', 'open.md': 'cage', lock: 'cage', z: 'cage' }); // prettier-ignore
    rmSync(join(tree, 'r.md'));
  });
  const wish = { protect: ['lock'], deletes: true, force: true };
  expect((await cage.plan(wish)).protectedFiles).toEqual(['.cageprotect', 'conf/a', 'conf/new', 'lock', 'r.md']);
  await cage.out(wish);
  expect(['conf/a', 'r.md', 'lock', 'open.md', 'z'].map((path) => read(root, path))).toEqual(['1', '1', '1', 'cage', 'cage']); // prettier-ignore
  expect(readdirSync(join(root, 'conf'))).toEqual(['a']);
  expect(await cage.unexported()).toBe(true);
  rmSync(join(root, '.cageprotect'));
  mkdirSync(join(root, '.cageprotect'));
  await expect(cage.plan()).rejects.toMatchObject({ code: 'E_PROTECTION' });
});

test('links that lead out, pipes and forms of .git are named and never written', async () => {
  const root = createRepository({ a: '1', 'd/e': '1' });
  const cage = await cageOf(root, (tree) => {
    symlinkSync('/etc/passwd', join(tree, 'absolute'));
    symlinkSync('../../x', join(tree, 'd/above'));
    symlinkSync('../.git/hooks', join(tree, 'd/hooks'));
    symlinkSync('../a', join(tree, 'd/fine'));
    writeFiles(tree, { '.GIT/config': 'x', 'd/.git /config': 'x' });
  });
  const { skipped } = await cage.plan();
  const out = 'it is a link that leads out';
  expect(skipped).toEqual(
    expect.arrayContaining([
      { path: 'absolute', reason: out },
      { path: 'd/above', reason: out },
      { path: 'd/hooks', reason: out },
    ]),
  );
  await cage.out();
  expect(readdirSync(root).sort()).toEqual(['.git', 'a', 'd']);
  expect(readdirSync(join(root, 'd')).sort()).toEqual(['e', 'fine']);
});

test('a link that leads out by a link of the target is named and not written, whatever git ignores there or the cage took away', async () => {
  const outside = temporaryDirectory();
  const root = createRepository({ '.gitignore': '/ignored/\n/cache\n', 'd/e': '1' });
  symlinkSync(outside, join(root, 'gone'));
  userGit(root, 'add', 'gone');
  userGit(root, 'commit', '--quiet', '-m', 'a link out');
  mkdirSync(join(root, 'ignored'));
  symlinkSync(outside, join(root, 'ignored/out'));
  symlinkSync('d', join(root, 'cache'));
  const cage = await cageOf(root, (tree) => {
    rmSync(join(tree, 'gone'));
    rmSync(join(tree, 'ignored'), { recursive: true });
    writeFiles(tree, { 'gone/file': 'g', 'ignored/out/file': 'o' });
    symlinkSync('gone/file', join(tree, 'by-gone'));
    symlinkSync('ignored/out/file', join(tree, 'by-ignored'));
    symlinkSync('cache/e', join(tree, 'fine'));
    symlinkSync('/etc', join(tree, 'ignored/etc'));
    symlinkSync('ignored/etc/passwd', join(tree, 'by-both'));
  });
  const out = 'it is a link that leads out';
  for (const includeIgnored of [false, true]) {
    const { skipped } = await cage.plan({ includeIgnored });
    const names = skipped.filter(({ reason }) => reason === out).map(({ path }) => path);
    const own = includeIgnored ? ['ignored/etc', 'by-both'] : [];
    expect(names.sort()).toEqual(['by-gone', 'by-ignored', ...own].sort());
  }
});

test('nothing is written through a link of the target, and the same files arrive without it', async () => {
  const outside = temporaryDirectory();
  const root = createRepository({ 'sub/file': '1', top: '1' });
  writeFiles(outside, { file: '1', top: '1' });
  const cage = await cageOf(root, (tree) => writeFiles(tree, { 'sub/file': 'cage', 'sub/new': 'cage', top: 'cage' }));
  rmSync(join(root, 'sub'), { recursive: true });
  symlinkSync(outside, join(root, 'sub'));
  rmSync(join(root, 'top'));
  symlinkSync(join(outside, 'top'), join(root, 'top'));
  for (const force of [false, true]) await expect(cage.out({ force })).rejects.toMatchObject({ code: 'E_CONFLICT' });
  rmSync(join(root, 'sub'));
  const { conflicts } = await cage.plan();
  expect(conflicts.map(({ path }) => path)).toEqual(['sub/file', 'top']);
  await cage.out({ force: true });
  expect(read(root, 'sub/file') + read(root, 'sub/new') + read(root, 'top')).toBe('cagecagecage');
  expect(lstatSync(join(root, 'top')).isFile()).toBe(true);
  expect(readdirSync(outside).map((name) => read(outside, name))).toEqual(['1', '1']);
});

test('files that can run on the host are told apart from what the agent did not touch', async () => {
  const root = createRepository({ Makefile: 'all:\n', a: '1' });
  const cage = await cageOf(root, (tree) => writeFiles(tree, { a: '2', '.envrc': 'evil' }));
  const target = join(temporaryDirectory(), 'out');
  const { hostExecutable } = await cage.plan({ target });
  expect(hostExecutable.map(({ path }) => path)).toEqual(['.envrc']);
  expect(await cage.out({ target }, ['.envrc'])).toEqual({ exported: ['a'], leftOut: ['.envrc'] });
  expect(readdirSync(target).sort()).toEqual(['Makefile', 'a']);
  expect(await cage.unexported()).toBe(true);
});

test('an export that ended while it wrote is finished by the next command', async () => {
  const root = createRepository({ a: '1', gone: '1' });
  const cage = await cageOf(root, (tree) => {
    writeFiles(tree, { a: 'cage', 'n/new': 'cage' });
    rmSync(join(tree, 'gone'));
  });
  const crash = cage.out({ deletes: true }, [], () => {
    throw new Error('crash');
  });
  await expect(crash).rejects.toThrow('crash');
  expect(read(root, 'a')).toBe('1');
  expect(await repairApply(cage.storeDirectory)).toMatchObject({ outcome: 'finished', kept: [] });
  expect(readdirSync(root).sort()).toEqual(['.git', 'a', 'n']);
  expect(read(root, 'a') + read(root, 'n/new')).toBe('cagecage');
});
