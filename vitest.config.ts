// One runner, five suites. Suites that start real cages run one file at a time: they share two cores and the kernel.
import { defineConfig } from 'vitest/config';

const real = { testTimeout: 120_000, hookTimeout: 300_000, fileParallelism: false };

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...real } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...real } },
      { test: { name: 'escape', include: ['test/escape/**/*.test.ts'], ...real } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...real } },
    ],
  },
});
