import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';
import type { Library } from '../library.ts';

const showing = (confirmed: boolean): Partial<Library> => ({
  policyShow: async () => ({
    ...{ mode: 'filtered', inspectors: [], generation: 3, hash: 'ff', confirmed, rules: [] },
    inspection: { secretShapes: 'flag', payloadShape: 'flag' },
  }),
});

test.each([
  [true, 'shop-1: filtered, generation 3, confirmed by the egress\n'],
  [false, 'shop-1: filtered, generation 3, not confirmed: no egress serves it now\n'],
])('policy show says whether an egress serves the rules (%s)', async (confirmed, line) => {
  const { stdout, exitCode } = await runCli(['policy', 'show'], { library: showing(confirmed) });
  expect(stdout).toContain(line);
  expect(exitCode).toBe(0);
});
