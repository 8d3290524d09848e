// Two commands at once on one cage, signals, closed streams: no command crashes, and the cage ends in one state.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'busy';
let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
});
afterAll(() => sandbox.close());

/** An answer, a refusal or an error that explains itself; never a bug, never a crash. */
function expectOrderly(result: CliResult): void {
  expect(result.stderr).not.toMatch(/E_BUG|node:internal|at file:/);
  expect([0, 1, 2, 125, 126, 137, 143]).toContain(result.exitCode);
}

describe('at once', () => {
  test('ten creates of one cage make one', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, () => sandbox.run(['create', project, '--name', CAGE, '--json'])),
    );
    results.forEach(expectOrderly);
    expect(results.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1);
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ name: CAGE, status: 'stopped' }]);
  });

  test('ten runs of one project all work in one cage, and the last one stops it', async () => {
    const run = (index: number): Promise<CliResult> =>
      sandbox.run([
        'run',
        'shell',
        project,
        '--name',
        CAGE,
        '--json',
        '--',
        'sh',
        '-c',
        `echo ${index} > out-${index}`,
      ]);
    const results = await Promise.all(Array.from({ length: 10 }, (_, index) => run(index)));
    for (const result of results) expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    const diff = (await sandbox.run(['diff', CAGE, '--json'])).stdout;
    for (let index = 0; index < 10; index += 1) expect(diff).toContain(`"out-${index}"`);
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'stopped' }]);
    expect(sandbox.processes()).toEqual([]);
  });

  test('start, stop, restart, exec, diff, policy and show, mixed, end in a state that the next command takes', async () => {
    const commands = [
      ['start', CAGE],
      ['stop', CAGE],
      ['exec', CAGE, '--', 'true'],
      ['restart', CAGE],
      ['diff', CAGE],
      ['policy', 'allow', CAGE, 'a.example'],
      ['show', CAGE],
      ['stop', CAGE],
      ['exec', CAGE, '--', 'sleep', '0.2'],
      ['list'],
    ];
    (await Promise.all(commands.map((command) => sandbox.run(command)))).forEach(expectOrderly);
    expect((await sandbox.run(['exec', CAGE, '--', 'cat', 'out-3'])).stdout).toBe('3\n');
    expect((await sandbox.run(['policy', 'show', CAGE, '--json'])).json()).toMatchObject({ confirmed: true });
    expect((await sandbox.run(['stop', CAGE])).exitCode).toBe(0);
    expect(sandbox.processes()).toEqual([]);
  });

  test('two changes of the policy are both kept', async () => {
    const hosts = ['b', 'c', 'd', 'e', 'f'].map((name) => `${name}.example`);
    const results = await Promise.all(hosts.map((host) => sandbox.run(['policy', 'allow', CAGE, host])));
    for (const result of results) expect(result.exitCode).toBe(0);
    const shown = (await sandbox.run(['policy', 'show', CAGE])).stdout;
    for (const host of hosts) expect(shown).toContain(host);
  });

  test('cages of one name in two data roots do not know of each other', async () => {
    const other = join(sandbox.directory, 'other data');
    const there = (...args: string[]): Promise<CliResult> => sandbox.run([...args, '--home', other]);
    expect((await there('create', project, '--name', CAGE)).exitCode).toBe(0);
    expect((await there('start', CAGE)).exitCode).toBe(0);
    expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
    const groups = groupsOf(sandbox.dataRoot);
    expect(groupsOf(other)).toHaveLength(groups.length);
    expect(groupsOf(other).filter((group) => groups.includes(group))).toEqual([]);
    expect((await there('rm', '-y', CAGE)).exitCode).toBe(0);
    expect((await sandbox.run(['exec', CAGE, '--', 'cat', 'out-3'])).stdout).toBe('3\n');
  });

  test('ten removals remove it once', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, () => sandbox.run(['rm', '-y', '--discard', CAGE, '--json'])),
    );
    results.forEach(expectOrderly);
    expect((await sandbox.run(['list', '--json'])).json()).toEqual([]);
    expect(sandbox.processes()).toEqual([]);
  });
});

/** Control groups of the running cage of a data root; none where the caller may not make any. */
function groupsOf(dataRoot: string): string[] {
  const state = readFileSync(join(dataRoot, 'cages', CAGE, 'state.json'), 'utf8');
  return state.match(/"\/sys\/fs\/cgroup[^"]+"/g) ?? [];
}

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
    '%s to run ends what runs inside, and the cage is left stopped and whole',
    async (signal) => {
      const script = 'echo here > signalled; echo ready; exec sleep 1000';
      const { child, result } = sandbox.start(['run', 'shell', project, '--name', CAGE, '--', 'sh', '-c', script]);
      await once(child.stdout, 'data');
      // Ctrl-C at a terminal reaches the whole group; here only the program gets it.
      child.kill(signal);
      const ended = await result;
      expect(ended.stderr).not.toMatch(/E_BUG|node:internal/);
      expect(ended.exitCode).toBe(128 + constants.signals[signal]);
      await until('the cage to be stopped', () => sandbox.processes().length === 0);
      expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'stopped', unexported: true }]);
      expect((await sandbox.run(['exec', CAGE, '--', 'cat', 'signalled'])).stdout).toBe('here\n');
      await sandbox.run(['stop', CAGE]);
    },
  );

  test('SIGKILL to run leaves nothing that the next command does not repair', async () => {
    const { child, result } = sandbox.start([
      'run',
      'shell',
      project,
      '--name',
      CAGE,
      '--',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await result;
    expect((await sandbox.run(['exec', CAGE, '--', 'echo', 'still'])).stdout).toBe('still\n');
    expect((await sandbox.run(['stop', CAGE])).exitCode).toBe(0);
    expect(sandbox.processes()).toEqual([]);
  });
});

describe('a stream that is closed', () => {
  test('stdin: the command inside sees its end', async () => {
    const closed = await sandbox.run(['exec', CAGE, '--', 'sh', '-c', 'cat; echo end'], {
      behind: ['sh', '-c', 'exec "$@" <&-', 'sh'],
    });
    expect(closed).toMatchObject({ exitCode: 0, stdout: 'end\n' });
  });

  test.each([
    ['stdout', '>&-'],
    ['stderr', '2>&-'],
  ])('%s: the command does its work all the same', async (_name, redirection) => {
    const closed = await sandbox.run(['run', 'shell', project, '--name', CAGE, '--', 'sh', '-c', 'exit 4'], {
      behind: ['sh', '-c', `exec "$@" ${redirection}`, 'sh'],
    });
    expect(closed.exitCode).toBe(4);
    expect(closed.stderr).not.toContain('E_BUG');
  });

  test('a reader that has seen enough is no error', async () => {
    const behind = ['sh', '-c', '"$@" | head -n 1', 'sh'];
    for (const args of [
      ['list'],
      ['show', CAGE],
      ['help'],
      ['exec', CAGE, '--', 'sh', '-c', 'yes | head -c 10000000'],
    ]) {
      const cut = await sandbox.run(args, { behind });
      expect(cut.stderr, args.join(' ')).not.toMatch(/EPIPE|E_BUG|node:internal/);
      expect(cut.stdout.split('\n'), args.join(' ')).toHaveLength(2);
    }
  });
});
