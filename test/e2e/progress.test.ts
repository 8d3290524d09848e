// What takes longer than a moment says on stderr what it is at: never on stdout, and never with --quiet. Git is held at one of its steps
// until that was seen.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSandbox, until, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = openSandbox();
});
afterAll(() => sandbox.close());

interface Gate {
  /** A git that waits before this command of its. */
  PATH: string;
  open(): Promise<void>;
}

function holdGit(command: string, name: string): Gate {
  const directory = join(sandbox.directory, name);
  const pipe = join(directory, 'gate');
  mkdirSync(directory);
  execFileSync('mkfifo', [pipe]);
  const wait = `case " $* " in *" ${command} "*) [ -p ${pipe} ] && cat ${pipe} >/dev/null 2>&1;; esac`;
  const own = sandbox.env['PATH'] ?? '';
  writeFileSync(join(directory, 'git'), `#!/bin/sh\n${wait}\nPATH='${own}' exec git "$@"\n`);
  chmodSync(join(directory, 'git'), 0o755);
  return {
    PATH: `${directory}:${own}`,
    open: async () => {
      const end = await open(pipe, 'w');
      rmSync(pipe);
      await end.close();
    },
  };
}

test.each([
  ['create', 'write-tree', 'looking at '],
  ['diff', 'diff-tree', 'reading the cage'],
  ['export', 'diff-tree', 'comparing with '],
  ['backup', 'pack-objects', 'packing the base of '],
] as const)('%s that waits for git %s says what it is at', async (command, held, line) => {
  const argv = async (name: string): Promise<string[]> => {
    const project = sandbox.project(name);
    if (command === 'create') return ['create', project, '--name', name];
    for (const made of [
      ['create', project, '--name', name],
      ['exec', name, '--', 'sh', '-c', 'echo more >>README.md'],
    ])
      expect((await sandbox.run(made)).exitCode).toBe(0);
    return command === 'backup' ? ['backup', name, '-o', join(sandbox.directory, `${name}.backup`)] : [command, name];
  };
  const [quietly, aloud] = [await argv(`${command}-quiet`), await argv(`${command}-loud`)];
  const gates = [holdGit(held, `${command}-quiet-git`), holdGit(held, `${command}-loud-git`)] as const;
  // The one that has waited longer has had more to say.
  const quiet = sandbox.start([...quietly, '--quiet'], { env: { PATH: gates[0].PATH } });
  const loud = sandbox.start([...aloud, '--json'], { env: { PATH: gates[1].PATH } });
  let told = '';
  loud.child.stderr.on('data', (text: string) => (told += text));
  await until(`${command} to say what it is at`, () => told.includes(line));
  for (const gate of gates) await gate.open();
  const [{ exitCode, stderr }, said] = [await quiet.result, await loud.result];
  expect([exitCode, stderr.includes(line)]).toEqual([0, false]);
  expect(said.exitCode, said.stderr).toBe(0);
  expect(said.stderr).toMatch(new RegExp(`^${line}.* …$`, 'm'));
  expect(said.json()).toBeTypeOf('object');
});
