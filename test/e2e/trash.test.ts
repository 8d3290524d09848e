// Removed cages: they lie in the trash whole but for their keys, come back with all that was in them, and go for good only when their
// days are over and nobody could miss them, or when that is said.
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
});
afterAll(() => sandbox.close());

const trash = (): string => join(sandbox.dataRoot, 'trash');

async function run(exitCode: number, ...args: string[]): Promise<CliResult> {
  const result = await sandbox.run(args);
  expect([result.exitCode, result.stderr], args.join(' ')).toEqual([exitCode, expect.any(String)]);
  return result;
}

async function cageWithWork(name: string): Promise<void> {
  await run(0, 'create', project, '--name', name, '--allow', 'example.com');
  await run(0, 'exec', name, '--', 'sh', '-c', `echo ${name} > work.txt; echo note > ~/note`);
}

/** As if it had been removed that long ago. */
function age(name: string, days: number): void {
  const id = readdirSync(trash()).find((each) => each.startsWith(`${name}.`)) ?? '';
  const stamp = new Date(Date.now() - days * 86_400_000).toISOString().replace(/[-:.]/g, '');
  renameSync(join(trash(), id), join(trash(), id.replace(/\.\d{8}T\d{9}Z/, `.${stamp}`)));
}

test('a removed cage comes back with its work, its home, its record and its rules, and without its keys', async () => {
  await cageWithWork('desk');
  await run(126, 'rm', '-y', 'desk');
  await run(0, 'rm', '-y', '--discard', 'desk');
  expect(readdirSync(join(sandbox.dataRoot, 'cages'))).toEqual([]);
  const [id = ''] = readdirSync(trash());
  expect(['egress/ca', 'run', 'tmp', 'occupants'].filter((path) => existsSync(join(trash(), id, path)))).toEqual([]);
  expect((await run(0, 'list', '--trash', '--json')).json()).toMatchObject([{ name: 'desk', checked: false }]);
  const before = (await run(2, 'show', 'desk')).stderr;
  expect(before).toContain('no cage desk');

  expect((await run(0, 'restore', '--trash', 'desk')).stdout).toBe('desk\n');
  expect((await run(0, 'exec', 'desk', '--', 'sh', '-c', 'cat work.txt ~/note')).stdout).toBe('desk\nnote\n');
  expect((await run(0, 'policy', 'show', 'desk')).stdout).toContain('example.com');
  expect((await run(0, 'audit', 'desk', '--verify')).exitCode).toBe(0);
  expect(readdirSync(trash())).toEqual([]);
});

test('it comes back under another name, and in the place of another cage only with --force, which names that one’s work', async () => {
  await run(0, 'rm', '-y', '--discard', 'desk');
  await cageWithWork('desk');
  expect((await run(2, 'restore', '--trash', 'desk')).stderr).toContain('E_CAGE_EXISTS');
  const refused = await run(126, 'restore', '--trash', 'desk', '--force');
  expect(refused.stderr).toContain('work.txt');
  await run(0, 'restore', '--trash', 'desk', '--name', 'shelf');
  expect((await run(0, 'exec', 'shelf', '--', 'cat', 'work.txt')).stdout).toBe('desk\n');
  await run(0, 'rm', '-y', '--discard', 'shelf');
  await run(0, 'restore', '--trash', 'shelf', '--name', 'desk', '--force', '--discard');
  expect((await run(0, 'list', '--trash', '--json')).json()).toMatchObject([{ name: 'desk' }]);
});

test('prune takes what is past its days, names work that is nowhere else and keeps it', async () => {
  await run(0, 'create', project, '--name', 'clean');
  await run(0, 'rm', '-y', 'clean');
  age('clean', 8);
  age('desk', 8);
  const found = (await run(0, 'prune', '--dry-run', '--json')).json();
  expect(found).toMatchObject({
    found: expect.arrayContaining([
      expect.objectContaining({ id: expect.stringMatching(/^desk\./), unexported: ['work.txt'] }),
      expect.objectContaining({ id: expect.stringMatching(/^clean\./), unexported: [] }),
    ]),
  });
  expect((await run(2, 'prune')).stderr).toContain('needs a yes');
  const pruned = await run(0, 'prune', '-y');
  expect(pruned.stderr).toContain('work.txt');
  expect(pruned.stdout).toContain('kept desk.');
  expect(readdirSync(trash())).toEqual([expect.stringMatching(/^desk\./)]);
});

test('prune names work that only a snapshot of a removed cage has, and keeps it', async () => {
  await run(0, 'create', project, '--name', 'kept');
  await run(0, 'exec', 'kept', '--', 'sh', '-c', 'echo x > once.txt');
  await run(0, 'snapshot', 'kept', '--name', 'old');
  await run(0, 'exec', 'kept', '--', 'rm', 'once.txt');
  await run(0, 'rm', '-y', '--discard', 'kept');
  const pruned = await run(0, 'prune', '--all', '-y');
  expect(pruned.stderr).toContain('snapshot old: once.txt');
  expect(pruned.stdout).toContain('kept kept.');
  const [id = ''] = readdirSync(trash()).filter((each) => each.startsWith('kept.'));
  rmSync(join(trash(), id), { recursive: true });
});

test('a removal empties the trash of what nobody could miss, and of nothing else', async () => {
  await run(0, 'create', project, '--name', 'clean');
  await run(0, 'rm', '-y', 'clean');
  age('clean', 8);
  await run(0, 'create', project, '--name', 'fresh');
  await run(0, 'rm', '-y', 'fresh');
  expect(readdirSync(trash()).map((id) => id.split('.')[0])).toEqual(['desk', 'fresh']);
});

test('work that cannot be looked at counts as work', async () => {
  renameSync(project, `${project}-away`);
  const { stderr } = await run(0, 'prune', '--all', '-y');
  expect(stderr).toContain('cannot be looked at');
  renameSync(`${project}-away`, project);
  expect(readdirSync(trash()).map((id) => id.split('.')[0])).toEqual(['desk']);
  await run(0, 'prune', '--all', '-y', '--discard');
  expect(readdirSync(trash())).toEqual([]);
});

test('doctor says how much lies in the trash, and what a crash left is found by it and by prune', async () => {
  await run(0, 'create', project, '--name', 'clean');
  await run(0, 'rm', '-y', 'clean');
  const [id = ''] = readdirSync(trash());
  renameSync(join(trash(), id), join(trash(), `.${id}`));
  writeFileSync(join(sandbox.dataRoot, 'mine.txt'), '');
  expect((await sandbox.run(['doctor'])).stdout).toContain('half deleted');
  expect((await run(0, 'prune', '--dry-run', '--json')).json()).toEqual({
    dryRun: true,
    found: [expect.objectContaining({ kind: 'debris', id: `trash/.${id}` })],
  });
  await run(0, 'prune', '-y');
  expect(readdirSync(trash())).toEqual([]);
  expect(existsSync(join(sandbox.dataRoot, 'mine.txt'))).toBe(true);
});

test('what git ignores goes into the trash with a word, and commits that left no file behind are asked about', async () => {
  const ignoring = sandbox.project('ignoring', { '.gitignore': '*.log\nnode_modules/\n', a: '1\n' });
  await run(0, 'create', ignoring, '--name', 'ignoring');
  const inside = (script: string): Promise<CliResult> => run(0, 'exec', 'ignoring', '--', 'sh', '-ec', script);
  await inside('echo found > notes.log; mkdir -p node_modules/x; echo 1 > node_modules/x/y');
  const commit = 'git -c user.name=A -c user.email=a@example.org';
  await inside(`echo day > work; git add work; ${commit} commit -qm Work; ${commit} revert --no-edit HEAD`);
  const refused = await run(126, 'rm', '-y', 'ignoring');
  expect(refused.stderr).toMatch(/branch \w+\n.*--keep-commits/s);
  await run(0, 'apply', 'ignoring', '--branch', 'kept', '--keep-commits', '--yes');
  expect(userGit(ignoring, 'log', '--format=%s', 'kept')).toContain('Work\n');
  const { stderr } = await run(0, 'rm', '-y', 'ignoring');
  expect(stderr).toContain('notes.log');
  expect(stderr).not.toContain('node_modules');
});
