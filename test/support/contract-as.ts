// The contract of a backend, or another suite over it, run by a test runner of an ordinary user's, where the tests run as root: the same file, once more.
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { run } from '../../src/platform/processes.ts';
import { engineEnvironment } from './backends.ts';
import type { TestEngine } from './engines.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const CONTRACT_TIMEOUT_MS = 600_000;

export interface OrdinaryUser {
  uid: number;
  /** Prefix of a host command line that runs as this user, with a working directory that it may enter. */
  command: readonly [string, ...string[]];
  /** Complete. */
  env: Readonly<Record<string, string>>;
}

export function contractAs(user: OrdinaryUser, engine: TestEngine): Promise<void> {
  return suiteAs(user, engine, ['--project', 'contract', `test/contract/${engine}.test.ts`]);
}

/** `suite`: arguments of the test runner. */
export async function suiteAs(
  user: OrdinaryUser,
  engine: TestEngine,
  suite: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-ordinary-'));
  chownSync(directory, user.uid, user.uid);
  const runner = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const what = ['run', '--root', ROOT, ...suite];
  const env = {
    HOME: directory,
    ...user.env,
    ...engineEnvironment(engine),
    TMPDIR: directory,
    CI: '1',
    NO_COLOR: '1',
    ...environment,
  };
  try {
    const args = [...user.command.slice(1), process.execPath, runner, ...what, '--configLoader', 'runner'];
    const { exitCode, stdout, stderr } = await run(user.command[0], args, { env, timeoutMs: CONTRACT_TIMEOUT_MS });
    const said = `${stdout.toString('utf8')}\n${stderr}`;
    expect(exitCode, said).toBe(0);
    expect(said).toMatch(/Tests +\d{2} passed/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
