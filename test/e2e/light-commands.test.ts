// What the commands that are given most often load: the schema library is the larger part of a short command's start, and they read
// nothing but what ironcage itself has written.
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = openSandbox();
  const made = await sandbox.run(['create', sandbox.project('shop'), '--name', 'shop']);
  expect(made.exitCode, made.stderr).toBe(0);
  const edited = await sandbox.run(['exec', 'shop', '--', 'sh', '-c', 'echo more >>README.md; echo new >new.txt']);
  expect(edited.exitCode, edited.stderr).toBe(0);
});
afterAll(() => sandbox.close());

/** Whether a command loads the schema library, by what the engine says of every script that was run. */
async function loadsSchemas(args: readonly string[]): Promise<boolean> {
  const coverage = join(sandbox.directory, 'coverage');
  rmSync(coverage, { recursive: true, force: true });
  mkdirSync(coverage);
  const { exitCode, stderr } = await sandbox.run(args, { env: { NODE_V8_COVERAGE: coverage } });
  expect(exitCode, stderr).toBe(0);
  const scripts = readdirSync(coverage).flatMap((file) => scriptsIn(readFileSync(join(coverage, file), 'utf8')));
  expect(scripts.length).toBeGreaterThan(2);
  return scripts.some((path) => readFileSync(path, 'utf8').includes('ZodError'));
}

function scriptsIn(report: string): string[] {
  const { result }: { result: { url: string }[] } = JSON.parse(report);
  return result.flatMap(({ url }) => (url.startsWith('file://') ? [fileURLToPath(url)] : []));
}

test.each([['diff', 'shop'], ['diff', 'shop', '--full'], ['list'], ['export', 'shop', '--dry-run'], ['export', 'shop']])(
  '%s %s %s reads what ironcage wrote without the schema library',
  async (...args) => {
    expect(await loadsSchemas(args)).toBe(false);
  },
); // prettier-ignore

test('making a cage needs no schema library', async () => {
  expect(await loadsSchemas(['create', sandbox.project('other'), '--name', 'other'])).toBe(false);
});

test('what somebody else may have written is read with it', async () => {
  const root = join(sandbox.dataRoot, 'cages', 'shop');
  for (const file of readdirSync(root)) if (file.endsWith('.seal')) rmSync(join(root, file));
  expect(await loadsSchemas(['diff', 'shop'])).toBe(true);
});
