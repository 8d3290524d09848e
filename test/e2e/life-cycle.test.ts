// One cage from `create` to `rm` over the real program: exit codes, JSON shapes, and what is left on disk. Each step is a
// command of its own, as a script would give them.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('shop', {
    'README.md': 'one\ntwo\n',
    'src/a.js': 'export const a = 1;\n',
    'old.txt': 'old\n',
    '.gitignore': '.env\n',
  });
});
afterAll(() => sandbox.close());

const inProject = (args: readonly string[]): ReturnType<Sandbox['run']> => sandbox.run(args, { cwd: project });

test('a dry run prints the plan and touches nothing', async () => {
  const planned = await sandbox.run(['create', project, '--name', 'shop', '--dry-run', '--allow', 'npm', '--json']);
  expect(planned.exitCode).toBe(0);
  expect(planned.json()).toMatchObject({ name: 'shop', exists: false, project, backend: 'native', net: 'filtered' });
  expect(existsSync(sandbox.dataRoot)).toBe(false);
});

test('create makes a stopped cage that list, exists and show know', async () => {
  const created = await sandbox.run([
    'create',
    project,
    '--name',
    'shop',
    '--allow',
    'npm',
    '--memory',
    '1g',
    '--json',
  ]);
  expect(created.stderr).not.toContain('error');
  expect(created.exitCode).toBe(0);
  const listed = await sandbox.run(['list', '--json']);
  expect(listed.json()).toEqual([
    {
      name: 'shop',
      status: 'stopped',
      backend: 'native',
      workspace: 'copy',
      net: 'filtered',
      project,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      unexported: false,
    },
  ]);
  expect((await sandbox.run(['exists', 'shop'])).exitCode).toBe(0);
  expect((await sandbox.run(['exists', 'ship'])).exitCode).toBe(1);
  const shown = await sandbox.run(['show', 'shop', '--json']);
  expect(shown.json()).toMatchObject({
    name: 'shop',
    exposure: expect.stringContaining('registry.npmjs.org'),
    limits: { memory: { value: 2 ** 30 }, pids: { value: 4096 } },
    secrets: [],
    problems: [],
  });
});

test('a second cage of the same name is refused and the first is untouched', async () => {
  const again = await sandbox.run(['create', project, '--name', 'shop', '--json']);
  expect(again.exitCode).toBe(2);
  expect(again.told()).toMatchObject({ error: { code: 'E_CAGE_EXISTS', hint: expect.any(String) } });
  expect((await sandbox.run(['exists', 'shop'])).exitCode).toBe(0);
});

test('start runs it, show says what enforces each limit, and a second start is fine', async () => {
  expect((await sandbox.run(['start', 'shop'])).exitCode).toBe(0);
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ name: 'shop', status: 'running' }]);
  expect((await sandbox.run(['show', 'shop', '--json'])).json()).toMatchObject({
    limits: { memory: { enforcedBy: expect.stringMatching(/^(cgroup|rlimit)$/) } },
    policyConfirmed: true,
  });
  const before = stateOf('shop');
  expect((await sandbox.run(['start', 'shop'])).exitCode).toBe(0);
  expect(stateOf('shop')).toBe(before);
});

test('exec gives the command’s own exit code, its output, its signal and the arguments as they are', async () => {
  const exec = (...command: string[]): ReturnType<Sandbox['run']> => sandbox.run(['exec', 'shop', '--', ...command]);
  expect((await exec('sh', '-c', 'exit 7')).exitCode).toBe(7);
  expect((await exec('sh', '-c', 'kill -9 $$')).exitCode).toBe(137);
  const printed = await exec('printf', '%s|', 'a b', '$HOME', '--json', '', '*');
  expect(printed.stdout).toBe('a b|$HOME|--json||*|');
  const streams = await exec('sh', '-c', 'echo out; echo err >&2');
  expect(streams).toMatchObject({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
  expect((await exec('no-such-program')).exitCode).toBeGreaterThan(0);
  const there = await sandbox.run([
    'exec',
    'shop',
    '--env',
    'A=b c',
    '--cwd',
    '/tmp',
    '--',
    'sh',
    '-c',
    'pwd; echo "$A"',
  ]);
  expect(there.stdout).toBe('/tmp\nb c\n');
});

test('the cage of the current project needs no name, and lies at the same path inside', async () => {
  expect((await inProject(['exec', '--', 'pwd'])).stdout).toBe(`${project}\n`);
});

test('shell reads a script from a pipe and ends with its exit code', async () => {
  const shell = await sandbox.run(['shell', 'shop'], { input: 'echo hi there\nexit 5\n' });
  expect(shell.exitCode).toBe(5);
  expect(shell.stdout).toBe('hi there\n');
});

test('diff names every kind of change and counts lines; the host is as it was', async () => {
  const change = [
    'echo three >> README.md',
    'git mv src/a.js src/b.js',
    'rm old.txt',
    'printf "\\000\\001" > data.bin',
    'mkdir deep && echo x > "deep/ü ber.txt"',
    'echo secret > .env',
  ].join(' && ');
  expect((await sandbox.run(['exec', 'shop', '--', 'sh', '-c', change])).exitCode).toBe(0);
  const diff = await sandbox.run(['diff', 'shop', '--json']);
  expect(diff.exitCode).toBe(0);
  const plain = { insertions: 1, deletions: 0, binary: false, hostExecutable: false };
  expect(diff.json()).toMatchObject({ cage: 'shop', base: expect.stringMatching(/^[0-9a-f]{40}$/) });
  expect(sortedFiles(diff.json())).toEqual([
    { ...plain, path: 'README.md', change: 'modified' },
    { ...plain, path: 'data.bin', change: 'added', insertions: 0, binary: true },
    { ...plain, path: 'deep/ü ber.txt', change: 'added' },
    { ...plain, path: 'old.txt', change: 'deleted', insertions: 0, deletions: 1 },
    { ...plain, path: 'src/b.js', from: 'src/a.js', change: 'renamed', insertions: 0 },
  ]);
  expect(readFileSync(join(project, 'README.md'), 'utf8')).toBe('one\ntwo\n');
  expect(existsSync(join(project, 'deep'))).toBe(false);
});

test('diff --exit-code answers 1 for a change, --full is a patch, --stat a summary', async () => {
  expect((await sandbox.run(['diff', 'shop', '--exit-code'])).exitCode).toBe(1);
  expect((await sandbox.run(['diff', 'shop', '--full'])).stdout).toContain('+three');
  expect((await sandbox.run(['diff', 'shop', '--stat'])).stdout).toContain('README.md');
  expect((await sandbox.run(['diff', 'shop', '--full', '--stat'])).exitCode).toBe(2);
});

test('stop ends every process and keeps the work; restart brings it back', async () => {
  expect((await sandbox.run(['stop', 'shop'])).exitCode).toBe(0);
  expect(sandbox.processes()).toEqual([]);
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'stopped', unexported: true }]);
  expect((await sandbox.run(['stop', 'shop'])).exitCode).toBe(0);
  expect((await sandbox.run(['restart', 'shop'])).exitCode).toBe(0);
  expect((await sandbox.run(['exec', 'shop', '--', 'cat', 'deep/ü ber.txt'])).stdout).toBe('x\n');
});

test('rm refuses to lose unexported work, names it, and goes with --discard', async () => {
  for (const args of [
    ['rm', 'shop', '--json'],
    ['rm', '-y', 'shop', '--json'],
  ]) {
    const refused = await sandbox.run(args);
    expect(refused.exitCode).toBe(126);
    expect(refused.told()).toMatchObject({
      error: { code: 'E_UNEXPORTED', details: { files: expect.arrayContaining(['README.md', 'deep/ü ber.txt']) } },
    });
  }
  expect((await sandbox.run(['exec', 'shop', '--', 'cat', 'README.md'])).stdout).toBe('one\ntwo\nthree\n');
  const removed = await sandbox.run(['rm', 'shop', '--discard', '--json']);
  expect(removed.json()).toEqual({ removed: ['shop'], kept: [] });
  expect(removed.exitCode).toBe(0);
  expect((await sandbox.run(['exists', 'shop'])).exitCode).toBe(1);
  expect(existsSync(join(sandbox.dataRoot, 'cages/shop'))).toBe(false);
  expect(sandbox.processes()).toEqual([]);
});

test('commands on a cage that is not there say so', async () => {
  for (const command of ['start', 'stop', 'restart', 'show', 'diff', 'apply', 'audit', 'verify', 'rm', 'shell']) {
    const result = await sandbox.run([command, 'shop', '--json']);
    expect(result.exitCode, command).toBe(2);
    expect(result.told(), command).toMatchObject({
      error: { code: 'E_NO_CAGE', hint: expect.stringMatching(/ironcage/) },
    });
  }
});

test('run makes the cage, gives the exit code, leaves it stopped, and uses it again', async () => {
  const first = await inProject(['run', 'shell', '--json', '--', 'sh', '-c', 'echo hello > new.txt; exit 3']);
  expect(first.exitCode).toBe(3);
  expect(first.stdout).toBe('');
  expect(first.told()).toMatchObject({
    cage: expect.stringMatching(/^shop-[0-9a-f]{8}$/),
    exitCode: 3,
    change: { files: [{ path: 'new.txt', change: 'added' }] },
    kept: true,
  });
  const second = await inProject(['run', 'shell', '--', 'cat', 'new.txt']);
  expect(second).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'stopped', unexported: true }]);
  expect(sandbox.processes()).toEqual([]);
});

test('run reads its input from a pipe, and --rm keeps a cage only when it holds work', async () => {
  const piped = await inProject(['run', 'shell', '--new', '--rm', '--json', '--', 'cat']);
  expect(piped).toMatchObject({ exitCode: 0, stdout: '' });
  expect(piped.told()).toMatchObject({ kept: false });
  const cat = await sandbox.run(['run', 'shell', '--new', '--rm', '--', 'cat'], { cwd: project, input: 'in and out' });
  expect(cat.stdout).toBe('in and out');
  const kept = await inProject(['run', 'shell', '--new', '--rm', '--json', '--', 'touch', 'work.txt']);
  expect(kept.told()).toMatchObject({ kept: true });
  const commit = ['git', '-c', 'user.name=A', '-c', 'user.email=a@example.org', 'commit', '-q', '--allow-empty', '-mx'];
  const committed = await inProject(['run', 'shell', '--new', '--rm', '--json', '--', ...commit]);
  expect([committed.exitCode, committed.told()]).toEqual([0, expect.objectContaining({ kept: true })]);
  expect(sandbox.processes()).toEqual([]);
});

function stateOf(name: string): string {
  return readFileSync(join(sandbox.dataRoot, 'cages', name, 'state.json'), 'utf8');
}

function sortedFiles(diff: unknown): unknown[] {
  if (typeof diff !== 'object' || diff === null || !('files' in diff) || !Array.isArray(diff.files)) return [];
  return diff.files.sort((a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1));
}
