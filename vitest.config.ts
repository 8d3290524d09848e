// One runner for all suites. Those that start real cages run one file at a time: they share the kernel, its networks and its
// processes. `npm run test:all` runs those over the container engines, those without, and those that must be alone one after the other.
// The escape suite runs over every backend; an engine that is missing is named with the reason.
import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { engineReason } from './test/support/engines.ts';

/** For a machine with much else to do: a test that ends is not slower for it. */
const PATIENT = { testTimeout: 240_000, hookTimeout: 300_000 };
const real = { ...PATIENT, fileParallelism: false, setupFiles: ['test/support/tell-commands.ts'] };
/** Of files that have nothing in common but the machine's time. */
const PAIRS = { fileParallelism: true, maxWorkers: 2 };
const withEngines = { ...real, globalSetup: ['test/support/engine-setup.ts'] };

/** What the egress alone decides, or is confined by: the same program for every cage, tried in a native one. */
const OF_EGRESS = ['destinations', 'egress', 'exfiltration', 'identity', 'requests'].map(
  (name) => `test/escape/${name}.test.ts`,
);
/** Both engines are told the same by the same code: over the second one only what it takes part in, for time's sake. */
const ESCAPES = {
  docker: { include: ['test/escape/**/*.test.ts'], exclude: OF_EGRESS },
  podman: {
    include: [
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
  },
};

/** A file system that a test mounts on this machine is seen by whatever starts meanwhile: after all others, with nothing beside it. */
const ALONE = ['test/e2e/full-disk.test.ts'];

/** Those that ask for an engine, by what they import. */
const OVER_ENGINES = readdirSync(new URL('test/e2e/', import.meta.url))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/e2e/${name}`)
  .filter((path) => readFileSync(new URL(path, import.meta.url), 'utf8').includes('support/engines.ts'));

const engines = (['docker', 'podman'] as const).filter((engine) => {
  const reason = engineReason(engine);
  if (reason !== undefined) process.stderr.write(`the escape suite does not run over ${engine}: ${reason}\n`);
  return reason === undefined;
});

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'], ...PATIENT, ...PAIRS } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...real, ...PAIRS } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...withEngines } },
      { test: { name: 'escape', include: ['test/escape/**/*.test.ts'], ...real } },
      ...engines.map((engine) => ({
        test: {
          name: `escape-${engine}`,
          ...ESCAPES[engine],
          env: { IRONCAGE_TEST_BACKEND: engine },
          ...withEngines,
        },
      })),
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], exclude: [...OVER_ENGINES, ...ALONE], ...real } },
      { test: { name: 'e2e-engines', include: OVER_ENGINES, ...withEngines } },
      { test: { name: 'e2e-alone', include: ALONE, ...real } },
    ],
  },
});
