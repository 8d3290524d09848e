// One runner for all suites. Those that start real cages run one file at a time: they share the kernel, its networks and its
// processes. The escape suite runs over every backend; an engine that is missing is named with the reason.
import { defineConfig } from 'vitest/config';
import { engineReason } from './test/support/engines.ts';

const real = { testTimeout: 120_000, hookTimeout: 300_000, fileParallelism: false };
/** Of files that have nothing in common but the machine's time. */
const PAIRS = { fileParallelism: true, maxWorkers: 2 };
const withEngines = { ...real, globalSetup: ['test/support/engine-setup.ts'] };

/** Both engines are told the same by the same code: over the second one only what it takes part in, for time's sake. */
const ESCAPES = {
  docker: ['test/escape/**/*.test.ts'],
  podman: [
    'files',
    'limits',
    'neighbours',
    'network',
    'open-network',
    'open-rootless',
    'processes',
    'secrets',
    'sudo',
    'system-calls',
    'terminal',
  ].map((name) => `test/escape/${name}.test.ts`),
};

const engines = (['docker', 'podman'] as const).filter((engine) => {
  const reason = engineReason(engine);
  if (reason !== undefined) process.stderr.write(`the escape suite does not run over ${engine}: ${reason}\n`);
  return reason === undefined;
});

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'], testTimeout: 60_000, ...PAIRS } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...real, ...PAIRS } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...withEngines } },
      { test: { name: 'escape', include: ['test/escape/**/*.test.ts'], ...real } },
      ...engines.map((engine) => ({
        test: {
          name: `escape-${engine}`,
          include: ESCAPES[engine],
          env: { IRONCAGE_TEST_BACKEND: engine },
          ...withEngines,
        },
      })),
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...withEngines } },
    ],
  },
});
