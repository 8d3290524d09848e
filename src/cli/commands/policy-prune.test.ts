import { expect, test } from 'vitest';
import { runCli, type CliOptions } from '../../../test/support/cli-host.ts';

const prune = (args: readonly string[], options?: CliOptions) => runCli(['policy', 'prune', ...args], options);

test('what would go is shown, and nothing goes without a yes', async () => {
  for (const [stdin, exitCode] of [
    ['n\n', 1],
    ['\n', 1],
  ] as const) {
    const run = await prune([], { terminal: true, stdin });
    expect(run.stderr).toMatch(/old\.example +unused/);
    expect(run.calls.some(([name]) => name === 'prunePolicy')).toBe(false);
    expect(run.exitCode).toBe(exitCode);
  }
});

test('a yes takes it away', async () => {
  const run = await prune([], { terminal: true, stdin: 'y\n' });
  expect(run.calls).toContainEqual(['prunePolicy', 'shop-1', 1]);
  expect(run.stdout).toContain('shop-1: generation 4');
});

test('without a terminal a yes is an option', async () => {
  expect((await prune([])).exitCode).toBe(2);
  expect((await prune(['--yes'])).calls).toContainEqual(['prunePolicy', 'shop-1', 1]);
});

test('--dry-run takes nothing away', async () => {
  const run = await prune(['--dry-run', '--json', '--yes']);
  expect(JSON.parse(run.stdout)).toMatchObject({ prunable: [{ reason: 'unused' }], covered: true });
  expect(run.calls.some(([name]) => name === 'prunePolicy')).toBe(false);
});

test('an age that is none names its own option', async () => {
  const run = await prune(['--unused-for', 'long']);
  expect(run.stderr).toContain('--unused-for cannot read long');
  expect(run.exitCode).toBe(2);
});
