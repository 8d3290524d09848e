import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';

test('the inspectors that a user added are part of what a cage is shown as', async () => {
  const { stdout } = await runCli(['show', 'shop']);
  expect(stdout).toContain('asks inspectors of yours, in this order\n  no-friday-pushes\n');
});

test('--json has them as a list', async () => {
  expect(JSON.parse((await runCli(['show', 'shop', '--json'])).stdout)).toMatchObject({
    inspectors: ['no-friday-pushes'],
  });
});
