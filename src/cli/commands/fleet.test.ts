import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';

test('a fleet is shown as a table, its last state of each task with why; one that is not good gives 1', async () => {
  const result = await runCli(['fleet', 'run', 'f.toml', '-j', '3', '--fresh']);
  expect(result.calls).toContainEqual(['runFleet', 'f.toml', 3, true]);
  expect(result.exitCode).toBe(1);
  expect(result.stdout).toMatch(/^lint +claude +failed +attempt 2: check: x gave 1$/m);
  expect(result.stderr).toContain('results: /data/fleets/f-1a2b3c/results');
});

test('for scripts the end is one record', async () => {
  const { stdout } = await runCli(['fleet', 'run', 'f.toml', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ event: 'end', fleet: { id: 'f-1a2b3c' } });
});

test.each(['0', 'x', '1.5', '100'])('%s is no number of jobs', async (text) => {
  const result = await runCli(['fleet', 'run', 'f.toml', '-j', text]);
  expect([result.exitCode, result.stderr]).toEqual([2, expect.stringContaining(`--jobs cannot be ${text}`)]);
});

test('status lists fleets, or shows one and how to go on with it', async () => {
  expect((await runCli(['fleet', 'status'])).stdout).toMatch(/^f-1a2b3c +1 +0 +open/m);
  const one = await runCli(['fleet', 'status', 'f-1a2b3c']);
  expect(one.calls).toContainEqual(['showFleet', 'f-1a2b3c']);
  expect(one.stderr).toContain('ironcage fleet run /work/f.toml');
});

test('stop and rm name the fleet', async () => {
  expect((await runCli(['fleet', 'stop', 'f-1a2b3c'])).calls).toContainEqual(['stopFleet', 'f-1a2b3c']);
  const removed = await runCli(['fleet', 'rm', 'f-1a2b3c', '--discard', '--json']);
  expect(removed.calls).toContainEqual(['removeFleet', 'f-1a2b3c', { discard: true }]);
  expect(JSON.parse(removed.stdout)).toEqual({ fleet: 'f-1a2b3c', removed: ['f-1a2b3c-lint'], kept: false });
});

test('one cage cannot be compared, nor can one be kept that is not compared', async () => {
  expect((await runCli(['compare', 'shop-1'])).stderr).toContain('one cage cannot be compared');
  const strange = await runCli(['compare', 'shop-1', 'shop-2', '--keep', 'other']);
  expect([strange.exitCode, strange.calls]).toEqual([2, expect.not.arrayContaining([['removeCage']])]);
});

test('--keep removes the others', async () => {
  const result = await runCli(['compare', 'shop-1', 'shop-2', '--keep', 'shop-2', '--discard', '--json']);
  expect(result.calls).toContainEqual(['removeCage', 'shop-1', { discard: true }]);
  expect(result.calls).not.toContainEqual(['removeCage', 'shop-2', { discard: true }]);
  expect(JSON.parse(result.stdout)).toMatchObject({ removed: ['shop-1'], kept: ['shop-2'] });
});
