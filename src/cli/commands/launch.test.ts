import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, RUN } from '../../../test/support/cli-host.ts';

const MORE = { args: [], env: {}, budget: {} };

test('a run in the foreground is followed, and its exit code is ours', async () => {
  const failing = { findRun: async () => ({ ...RUN, status: 'failed' as const, exitCode: 7 }) };
  const { exitCode, stdout, stderr, calls } = await runCli(['launch', '--agent', 'claude', '-p', 'fix it'], {
    library: failing,
  });
  expect(exitCode).toBe(7);
  // What would clear the screen is seen instead.
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d AGENT {5}I look\\x1b\[2J first\.\n$/);
  expect(stderr).toContain('a warning');
  expect(stderr).toContain('run r-20261121-a1b2c3 done after 1m05s, exit code 0, 1200 tokens in, 34 out, $0.0402');
  expect(calls).toMatchObject([
    ['launchRun', { ...MORE, agent: 'claude', prompt: 'fix it', options: { fresh: false, env: [] } }],
    ['followRun', RUN.id, { once: false }],
  ]);
});

test('one in the background prints its id and is left alone', async () => {
  const { exitCode, stdout, calls } = await runCli([
    'launch',
    'shop-1',
    '--agent',
    'claude',
    '-p',
    'x',
    '--background',
    '--no-messaging',
  ]);
  expect([exitCode, stdout]).toEqual([0, `${RUN.id}\n`]);
  expect(calls.map(([name]) => name)).toEqual(['launchRun']);
  expect(calls[0]?.[1]).toMatchObject({ cage: 'shop-1', messaging: false });
});

test('the prompt comes from a file or from standard input as well, budgets and variables as they are typed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-prompt-'));
  try {
    writeFileSync(join(directory, 'task.md'), '# task\n');
    const file = ['launch', '--agent', 'codex', '--prompt-file', join(directory, 'task.md'), '--background'];
    const limits = ['--max-cost', '2.50', '--max-time', '30m', '--env', 'A=b=c', '--resume', RUN.id];
    const { calls } = await runCli([...file, ...limits, '--', '--verbose']);
    expect(calls[0]?.[1]).toMatchObject({
      ...{ prompt: '# task\n', budget: { cost: '2.50', time: '30m' }, env: { A: 'b=c' } },
      ...{ resume: RUN.id, args: ['--verbose'] },
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
  const piped = await runCli(['launch', '--agent', 'shell', '-p', '-', '--background'], { stdin: 'echo hello\n' });
  expect(piped.calls[0]?.[1]).toMatchObject({ prompt: 'echo hello\n' });
});

test.each([
  [['launch', '-p', 'x'], '--agent is missing'],
  [['launch', '--agent', 'claude'], 'the run has no prompt'],
  [['launch', '--agent', 'claude', '-p', ' '], 'the prompt is empty'],
  [['launch', '--agent', 'claude', '--prompt-file', '/nowhere/x'], 'cannot be read'],
])('%j launches nothing', async (argv, message) => {
  const { exitCode, stderr, calls } = await runCli(argv);
  expect([exitCode, calls]).toEqual([2, []]);
  expect(stderr).toContain(message);
});

test('a run is resumed by the agent that it was of', async () => {
  const { calls } = await runCli(['launch', '--resume', RUN.id, '-p', 'go on', '--background']);
  expect(calls[0]?.[1]).toMatchObject({ agent: 'claude', resume: RUN.id });
});

test('logs shows a run, the newest of a cage, or its bytes', async () => {
  expect((await runCli(['logs', RUN.id, '-f'])).calls).toEqual([['followRun', RUN.id, { once: false }]]);
  const newest = await runCli(['logs', 'shop-1', '-n', '1', '--json']);
  expect(newest.calls.map(([name]) => name)).toContain('listRuns');
  expect(JSON.parse(newest.stdout)).toMatchObject({ kind: 'end', record: { id: RUN.id } });
  expect((await runCli(['logs', RUN.id, '--raw'])).stdout).toBe('{"type":"text"}\n');
});

test('runs lists them, stop-run stops one', async () => {
  const listed = await runCli(['runs', 'shop-1']);
  expect(listed.stdout).toMatch(/r-20261121-a1b2c3 {2}claude {2}done {4}0 {5}2026-11-21 12:00:00 {2}1m05s {2}1200\+34/);
  expect(JSON.parse((await runCli(['runs', 'shop-1', '--json'])).stdout)).toEqual([RUN]);
  const stopped = await runCli(['stop-run', RUN.id]);
  expect(stopped.stderr).toContain('stopped after 1m05s, exit code 143');
  expect(stopped.calls).toEqual([['stopRun', RUN.id, undefined]]);
});
