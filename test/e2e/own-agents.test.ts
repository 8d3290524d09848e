// An agent of the user's own in a real cage: made, edited, run, launched, and kept while a cage needs it.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const FILE = `title = "Mine"
program = "env"
start = ["{program}", "FIRST=1", "{args}"]
hosts = ["api.example.com"]
[env]
MINE = "yes"
[headless]
argv = ["{program}", "sh", "-c", "cat; cat ~/.mine.conf"]
[[secret]]
name = "MINE_KEY"
hosts = ["api.example.com"]
prefix = "mine-"
[[home]]
path = ".mine.conf"
content = "seeded"
`;

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = openSandbox();
});
afterAll(() => sandbox.close());

test('an agent of the user’s own is made, edited, run and launched, and stays while a cage needs it', async () => {
  const made = await sandbox.run(['agents', 'create', 'mine', '--json']);
  expect(made.json()).toMatchObject({ name: 'mine', file: expect.stringContaining('agents/mine.toml') });
  const editor = join(sandbox.directory, 'editor');
  writeFileSync(join(sandbox.directory, 'wanted.toml'), `${FILE}wrong = 1\n`);
  writeFileSync(editor, `#!/bin/sh\ncp ${sandbox.directory}/wanted.toml "$2"\n`);
  chmodSync(editor, 0o755);
  const env = { EDITOR: `${editor} --wait`, MINE_KEY: 'the-real-value-0123456789' };
  const wrong = await sandbox.run(['agents', 'edit', 'mine'], { env });
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr).toMatch(/mine\.toml:16:1: there is no key "wrong"/);
  const cwd = sandbox.project('shop');
  expect((await sandbox.run(['run', 'mine'], { cwd, env })).stderr).toContain('E_CONFIG');

  writeFileSync(join(sandbox.directory, 'wanted.toml'), FILE);
  expect((await sandbox.run(['agents', 'edit', 'mine'], { env })).exitCode).toBe(0);
  expect((await sandbox.run(['agents', 'export', 'mine'])).stdout).toBe(FILE);
  const ran = await sandbox.run(['run', 'mine', '--name', 'shop', '--', 'SECOND=a b'], { cwd, env });
  expect(ran.stderr).not.toContain('error[');
  expect(ran.stdout.split('\n')).toEqual(expect.arrayContaining(['FIRST=1', 'SECOND=a b', 'MINE=yes']));
  expect(ran.stdout).toMatch(/^MINE_KEY=mine-[0-9a-f]+$/m);
  const policy = await sandbox.run(['policy', 'test', 'POST', 'https://api.example.com/v1', '--json'], { cwd });
  expect(policy.stdout).toContain('"allow"');

  const launched = await sandbox.run(['launch', 'shop', '--agent', 'mine', '-p', 'the prompt'], { cwd, env });
  expect(launched.exitCode).toBe(0);
  const logs = await sandbox.run(['logs', 'shop', '--raw'], { cwd });
  expect(logs.stdout).toContain('the prompt');
  expect(logs.stdout).toContain('seeded');

  const removed = await sandbox.run(['agents', 'rm', 'mine']);
  expect(removed.exitCode).toBe(2);
  expect(removed.stderr).toContain('mine is the agent of shop');
  expect(readFileSync(join(sandbox.directory, 'home/.config/ironcage/agents/mine.toml'), 'utf8')).toBe(FILE);
});
