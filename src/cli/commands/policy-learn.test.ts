import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';

test('policy learn prints rules, what is new in them and which bundle covers them', async () => {
  const { stdout, stderr, calls, exitCode } = await runCli(['policy', 'learn', '--since', '1h']);
  expect(stdout).toMatch(/GET a\.example\/v1\/\* +3 requests +new/);
  expect(stdout).toMatch(/by npm:metadata +the bundle npm covers it, and more/);
  expect(stderr).toContain('2 requests make no rule: let pass once by a person');
  expect(stderr).toContain('1 requests make no rule: the value of a secret was in their host or path');
  expect(calls).toContainEqual([
    'policyLearn',
    'shop-1',
    { wide: false, sinceMs: Date.parse('2026-11-21T11:00:00.000Z') },
  ]);
  expect(calls.some(([name]) => name === 'applyLearned')).toBe(false);
  expect(exitCode).toBe(0);
});

test('--apply puts the rules in force and says so', async () => {
  const { stdout, calls } = await runCli(['policy', 'learn', 'shop-1', '--apply', '--wide']);
  expect(calls).toContainEqual(['applyLearned', 'shop-1', 2]);
  expect(stdout).toContain('shop-1: filtered, generation 4, confirmed by the egress');
});

test('--json is one document, with the change when there was one', async () => {
  const { stdout } = await runCli(['policy', 'learn', '--apply', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ mode: 'filtered', requests: 4, applied: { generation: 4 } });
});
