// The contract over rootless Podman, where the tests run as root: the same file, run by a test runner of an ordinary user’s.
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../../src/platform/processes.ts';
import { engineEnvironment } from '../support/backends.ts';
import { engineReason } from '../support/engines.ts';
import { requireRootlessUser } from '../support/rootless-user.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT_MS = 280_000;
const reason = process.getuid?.() === 0 ? engineReason('podman', true) : 'the contract over podman is it';

test.skipIf(reason !== undefined)(
  `the contract holds over rootless Podman${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  async () => {
    const user = await requireRootlessUser();
    const directory = mkdtempSync(join(tmpdir(), 'ironcage-rootless-'));
    chownSync(directory, user.uid, user.uid);
    const runner = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const what = ['run', '--root', ROOT, '--project', 'contract', 'test/contract/podman.test.ts'];
    const env = { ...user.env, ...engineEnvironment('podman'), TMPDIR: directory, CI: '1', NO_COLOR: '1' };
    try {
      const args = [...user.command.slice(1), process.execPath, runner, ...what, '--configLoader', 'runner'];
      const { exitCode, stdout, stderr } = await run(user.command[0], args, { env, timeoutMs: TIMEOUT_MS });
      const said = `${stdout.toString('utf8')}\n${stderr}`;
      expect(exitCode, said).toBe(0);
      expect(said).toMatch(/Tests +\d{2} passed \(\d{2}\)/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  TIMEOUT_MS,
);
