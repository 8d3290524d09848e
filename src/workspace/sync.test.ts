import { spawn } from 'node:child_process';
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
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRepository, temporaryDirectory, userGit, writeFiles } from '../../test/support/repositories.ts';
import { applyToWorkingTree } from './apply.ts';
import { computeChange } from './change.ts';
import { planApply } from './plan-apply.ts';
import { identifyProcess, type ProcessIdentity } from '../platform/processes.ts';
import { planSync, type SyncWish } from './plan-sync.ts';
import { prepareWorkspace } from './prepare.ts';
import { inspectProject } from './project.ts';
import { repairApply } from './repair-apply.ts';
import { syncWorkspace } from './sync.ts';
import { hasUnexportedWork } from './unexported.ts';
import { loadWorkspace, type PreparedWorkspace } from './workspace.ts';

const EVERYTHING: SyncWish = { paths: [], force: false };

async function cageOf(root: string, strategy: 'copy' | 'overlay' = 'copy') {
  const storeDirectory = temporaryDirectory();
  const { directories } = await prepareWorkspace({ project: await inspectProject(root), storeDirectory, strategy });
  const load = async (): Promise<PreparedWorkspace> => {
    const workspace = await loadWorkspace(storeDirectory);
    if (workspace === undefined) throw new Error('no workspace');
    return workspace;
  };
  return {
    storeDirectory,
    tree: directories.tree,
    upper: directories.upper,
    load,
    sync: async (wish: Partial<SyncWish> = {}, step?: (name: string) => void, process?: ProcessIdentity) => {
      const workspace = await load();
      const plan = await planSync(workspace, { ...EVERYTHING, ...wish });
      await syncWorkspace(workspace, plan, { process, step });
      return plan;
    },
    changed: async () => (await computeChange(await load())).files.map(({ path }) => path),
  };
}

const read = (root: string, path: string) => readFileSync(join(root, path), 'utf8');

test('what the host changed comes into the cage with its base, and is no change of the agent’s', async () => {
  const root = createRepository({
    edit: 'a',
    gone: '1',
    'dir/x': '1',
    'old name': 'o\n'.repeat(30),
    tool: '#!',
    keep: 'k',
  });
  const cage = await cageOf(root);
  writeFiles(cage.tree, { keep: 'agent', new: 'agent' });
  writeFiles(root, { edit: 'b', 'new dir/ü\n"x': 'n' });
  for (const path of ['gone', 'dir']) rmSync(join(root, path), { recursive: true });
  renameSync(join(root, 'old name'), join(root, 'new name'));
  writeFiles(root, { dir: 'a file now' });
  chmodSync(join(root, 'tool'), 0o755);
  symlinkSync('edit', join(root, 'link'));
  const { conflicts, files } = await cage.sync();
  expect(conflicts).toEqual([]);
  expect(files.map(({ path }) => path).sort()).toEqual(
    ['dir', 'dir/x', 'edit', 'gone', 'link', 'new dir/ü\n"x', 'new name', 'old name', 'tool'].sort(),
  );
  expect(read(cage.tree, 'edit') + read(cage.tree, 'new dir/ü\n"x') + read(cage.tree, 'dir')).toBe('bna file now');
  expect(existsSync(join(cage.tree, 'gone'))).toBe(false);
  expect(lstatSync(join(cage.tree, 'tool')).mode & 0o111).toBe(0o111);
  expect(readlinkSync(join(cage.tree, 'link'))).toBe('edit');
  expect(await cage.changed()).toEqual(['keep', 'new']);
  expect((await cage.sync()).files).toEqual([]);
  const { base } = await cage.load();
  expect(userGit(base.gitDir, 'rev-list', '--count', 'refs/ironcage/base').trim()).toBe('2');
});

test('a file that both changed is a conflict that keeps everything as it is, unless it is the same change', async () => {
  const root = createRepository({ a: '1', b: '1', c: '1', d: '1', same: '1', free: '1' });
  const cage = await cageOf(root);
  writeFiles(cage.tree, { a: 'cage', b: 'cage', same: '2', new: 'cage' });
  rmSync(join(cage.tree, 'c'));
  writeFiles(root, { a: 'host', c: 'host', same: '2', new: 'host', free: 'host' });
  rmSync(join(root, 'b'));
  const refusal = cage.sync();
  await expect(refusal).rejects.toMatchObject({
    code: 'E_CONFLICT',
    details: {
      conflicts: [
        { path: 'a', kind: 'changed on both sides' },
        { path: 'b', kind: 'deleted on the host, changed in the cage' },
        { path: 'c', kind: 'deleted in the cage' },
        { path: 'new', kind: 'changed on both sides' },
      ],
    },
  });
  expect(read(cage.tree, 'free')).toBe('1');
  expect(await cage.changed()).toEqual(['a', 'b', 'c', 'new', 'same']);

  await cage.sync({ paths: ['free', 'same'] });
  expect(read(cage.tree, 'free')).toBe('host');
  expect(await cage.changed()).toEqual(['a', 'b', 'c', 'new']);

  const forced = await cage.sync({ force: true });
  expect(forced.overwritten.map(({ path }) => path)).toEqual(['a', 'b', 'c', 'new']);
  expect(readdirSync(cage.tree).sort()).toEqual(['.git', 'a', 'c', 'd', 'free', 'new', 'same']);
  expect(read(cage.tree, 'a') + read(cage.tree, 'c') + read(cage.tree, 'new')).toBe('hosthosthost');
  expect(await cage.changed()).toEqual([]);
});

test('nothing is written through a link of the cage’s, nor over what it ignores', async () => {
  const outside = temporaryDirectory();
  const root = createRepository({ 'sub/file': '1', other: '1', '.gitignore': '/cache\n' });
  const cage = await cageOf(root);
  writeFiles(outside, { file: '1' });
  rmSync(join(cage.tree, 'sub'), { recursive: true });
  symlinkSync(outside, join(cage.tree, 'sub'));
  writeFiles(root, { 'sub/file': 'host', 'sub/new': 'host' });
  await expect(cage.sync()).rejects.toMatchObject({ code: 'E_CONFLICT' });
  await expect(cage.sync({ force: true })).rejects.toMatchObject({ code: 'E_CONFLICT' });
  expect(readdirSync(outside)).toEqual(['file']);
  expect(read(outside, 'file')).toBe('1');

  // The control: with the directory itself in its place the same files arrive.
  rmSync(join(cage.tree, 'sub'));
  writeFiles(cage.tree, { 'sub/file': '1' });
  await cage.sync();
  expect(read(cage.tree, 'sub/new')).toBe('host');

  writeFiles(cage.tree, { cache: 'of the agent' });
  writeFiles(root, { '.gitignore': '', cache: 'host' });
  await expect(cage.sync()).rejects.toMatchObject({ details: { conflicts: [{ path: 'cache', kind: 'exists' }] } });
  expect(read(cage.tree, 'cache')).toBe('of the agent');
});

test('a secret that the cage was made without stays outside, also when git no longer ignores it', async () => {
  const root = createRepository({ '.gitignore': '.env\n', a: '1' });
  writeFileSync(join(root, '.env'), 'KEY=1');
  const cage = await cageOf(root);
  writeFiles(root, { '.gitignore': '', a: '2' });
  expect(await cage.sync()).toMatchObject({ leftOut: ['.env'] });
  expect(existsSync(join(cage.tree, '.env'))).toBe(false);
  expect(read(cage.tree, 'a')).toBe('2');
  expect(await cage.changed()).toEqual([]);
});

test('work that was applied stays applied after a sync', async () => {
  const root = createRepository({ a: '1', b: '1' });
  const cage = await cageOf(root);
  writeFiles(cage.tree, { a: 'agent' });
  await applyToWorkingTree(await planApply(await cage.load(), await computeChange(await cage.load())));
  writeFiles(root, { b: 'host' });
  expect(await hasUnexportedWork(await cage.load())).toBe(false);
  await cage.sync();
  expect(await hasUnexportedWork(await cage.load())).toBe(false);
  writeFiles(cage.tree, { b: 'agent' });
  expect(await hasUnexportedWork(await cage.load())).toBe(true);
});

test.each(['ready', 'in place', 'settled'])('a sync that ends at the step %s is brought to an end', async (last) => {
  const root = createRepository({ a: '1', gone: '1' });
  const cage = await cageOf(root);
  writeFiles(cage.tree, { mine: 'agent' });
  writeFiles(root, { a: 'host', 'new/file': 'host' });
  rmSync(join(root, 'gone'));
  const crash = cage.sync({}, (step) => {
    if (step === last) throw new Error('crash');
  });
  await expect(crash).rejects.toThrow('crash');
  expect(await repairApply(cage.storeDirectory)).toEqual({ what: 'sync', outcome: 'finished', kept: [] });
  expect(readdirSync(cage.tree).sort()).toEqual(['.git', 'a', 'mine', 'new']);
  expect(read(cage.tree, 'a')).toBe('host');
  expect(await cage.changed()).toEqual(['mine']);
  expect(readdirSync(join(cage.storeDirectory, 'workspace')).filter((name) => name.includes('apply'))).toEqual([]);
});

test('a file that the cage changed while a sync was interrupted keeps its base', async () => {
  const root = createRepository({ a: '1', b: '1' });
  const cage = await cageOf(root);
  writeFiles(root, { a: 'host', b: 'host' });
  const crash = cage.sync({}, () => {
    throw new Error('crash');
  });
  await expect(crash).rejects.toThrow('crash');
  writeFiles(cage.tree, { b: 'agent' });
  expect(await repairApply(cage.storeDirectory)).toMatchObject({ outcome: 'finished', kept: ['b'] });
  expect(read(cage.tree, 'b')).toBe('agent');
  expect(await cage.changed()).toEqual(['b']);
  const plan = await planSync(await cage.load(), EVERYTHING);
  expect(plan.conflicts).toEqual([{ path: 'b', kind: 'changed on both sides' }]);
});

test('an overlay that does not run gets the files in its layer', async () => {
  const root = createRepository({ a: '1', 'd/e': '1', 'd/f': '1', gone: '1', mine: '1' });
  chmodSync(join(root, 'd'), 0o700);
  const cage = await cageOf(root, 'overlay');
  writeFiles(cage.upper, { mine: 'agent', gone: '1' });
  writeFiles(root, { a: 'host', 'd/e': 'host', new: 'host' });
  for (const path of ['gone', 'd/f']) rmSync(join(root, path));
  const { conflicts } = await cage.sync();
  expect(conflicts).toEqual([]);
  expect(await cage.changed()).toEqual(['mine']);
  expect(existsSync(join(cage.upper, 'gone'))).toBe(false);
  expect(lstatSync(join(cage.upper, 'd')).mode & 0o777).toBe(0o700);
  writeFiles(root, { mine: 'host' });
  await expect(cage.sync()).rejects.toMatchObject({ code: 'E_CONFLICT' });
});

test('a directory that the cage has none of is made, and one that an ignored file is in stays', async () => {
  const root = createRepository({ '.gitignore': '*.log\n', 'd/x': '1' });
  const cage = await cageOf(root);
  writeFiles(cage.tree, { 'd/run.log': 'kept' });
  rmSync(join(root, 'd'), { recursive: true });
  mkdirSync(join(root, 'p/q'), { recursive: true });
  writeFiles(root, { 'p/q/r': 'host' });
  await cage.sync();
  expect(read(cage.tree, 'd/run.log') + read(cage.tree, 'p/q/r')).toBe('kepthost');
  expect(await cage.changed()).toEqual([]);
});

/** The overlay mounted over the project as a running cage has it, and a process that lives there. */
async function startProcess({ upper, work, projectRoot }: Record<'upper' | 'work' | 'projectRoot', string>) {
  const options = `lowerdir=${projectRoot},upperdir=${upper},workdir=${work},userxattr`;
  const script = 'mount -t overlay overlay -o "$1" "$2" && echo up && exec sleep 60';
  const child = spawn('unshare', ['-Urm', 'sh', '-euc', script, 'sh', options, projectRoot], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  const process = String(said) === 'up\n' && child.pid !== undefined ? identifyProcess(child.pid) : undefined;
  const end = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { process, view: `/proc/${child.pid}/root${projectRoot}`, end };
}

test('an overlay that is in use is written through the eyes of the cage, also where files show through', async ({
  skip,
}) => {
  const root = createRepository({ a: '1', b: '1', 'd/e': '1', gone: '1', mine: '1' });
  const cage = await cageOf(root, 'overlay');
  const { directories } = await cage.load();
  const { process, view, end } = await startProcess({ ...directories, projectRoot: root });
  try {
    if (process === undefined) skip('no overlay can be mounted here');
    writeFiles(view, { mine: 'agent', b: '1', 'd/made': 'agent' });
    expect(read(view, 'a') + read(view, 'gone')).toBe('11');
    writeFiles(root, { 'a.new': 'host', b: 'host', 'd/e': 'host', 'd/new': 'host', 'new/f': 'host' });
    renameSync(join(root, 'a.new'), join(root, 'a'));
    rmSync(join(root, 'gone'));
    const crash = cage.sync({}, (step) => {
      if (step === 'ready') throw new Error('crash');
    }, process); // prettier-ignore
    await expect(crash).rejects.toThrow('crash');
    expect(await repairApply(cage.storeDirectory)).toEqual({ what: 'sync', outcome: 'finished', kept: [] });
    expect(['a', 'b', 'd/e', 'd/new', 'new/f'].map((path) => read(view, path))).toEqual(Array(5).fill('host'));
    expect(readdirSync(view).sort()).toEqual(['.git', 'a', 'b', 'd', 'mine', 'new']);
    expect(await cage.changed()).toEqual(['d/made', 'mine']);

    // Nothing of the host is reached through a directory that the cage turned into a link.
    const outside = temporaryDirectory();
    rmSync(join(view, 'new'), { recursive: true });
    symlinkSync(outside, join(view, 'new'));
    writeFiles(root, { 'new/f': 'again', 'new/g': 'host' });
    await expect(cage.sync({}, undefined, process)).rejects.toMatchObject({ code: 'E_CONFLICT' });
    await expect(cage.sync({ force: true }, undefined, process)).rejects.toMatchObject({ code: 'E_CONFLICT' });
    expect(readdirSync(outside)).toEqual([]);
  } finally {
    await end();
  }
});
