// What the caller has on its standard streams is not the cage's: a program inside reads and writes what it is given, and
// cannot open the file or the terminal behind it anew.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';
import { runOnPty } from '../support/pty.ts';

let cage: TestCage;

beforeAll(async () => {
  cage = await startTestCage('streams');
});
afterAll(() => cage.remove());

/** Runs the script inside, by the real program, with what `redirections` say on its streams. */
function inside(script: string, redirections: string, directory = cage.directory): ReturnType<typeof onHost.exec> {
  const command = cage.ironcage.argv('exec', 'streams', '--', '/bin/sh', '-c', script);
  return onHost.exec(['/bin/sh', '-c', `cd ${directory}; "$@" ${redirections}`, 'sh', ...command], {
    env: cage.ironcage.env,
  });
}

test('ESC-64a: a file on standard input can be read and not be written', async () => {
  const file = join(cage.directory, 'input.txt');
  writeFileSync(file, 'precious\n');
  // A cage of root's runs as somebody who may write it only if everybody may.
  chmodSync(file, 0o666);
  const attempt = 'cat; echo changed >/proc/self/fd/0';
  expect((await inside(attempt, '<input.txt')).stdout).toBe('precious');
  expect(readFileSync(file, 'utf8')).toBe('precious\n');
  await onHost.exec(['/bin/sh', '-c', `(${attempt}) <"$0"`, file]);
  expect(readFileSync(file, 'utf8')).toBe('changed\n');
});

test('ESC-64b: a file on standard output can be added to and not be read or cut short', async () => {
  const file = join(cage.directory, 'log.txt');
  writeFileSync(file, 'earlier\n');
  const attempt = 'echo one; timeout 1 head -c 7 /proc/self/fd/1 >&2; : >/proc/self/fd/1; echo two >&2; exit 3';
  const { exitCode } = await inside(attempt, '>>log.txt 2>&1');
  expect([exitCode, readFileSync(file, 'utf8')]).toEqual([3, 'earlier\none\ntwo\n']);
  await onHost.exec(['/bin/sh', '-c', `(${attempt}) >>"$0" 2>&1`, file]);
  expect(readFileSync(file, 'utf8')).not.toContain('earlier\none\n');
});

test('ESC-64c: a terminal on some of the streams is not handed down, and what is left behind cannot hold it', async () => {
  const script = 'sleep 60 >&- & for fd in 0 1 2; do [ -t $fd ] && echo "terminal $fd" >&2; done; echo done >&2';
  const enter = cage.ironcage.argv('exec', 'streams', '--', '/bin/sh', '-c', script);
  const outer = '[ -t 0 ] && [ -t 2 ] && echo "outside has them" >&2; "$@" | cat';
  const { output } = await runOnPty(['/bin/sh', '-c', outer, 'sh', ...enter], cage.ironcage.env, cage.project).ended;
  expect(output).toContain('outside has them');
  expect(output).toContain('done');
  expect(output).not.toMatch(/terminal \d/);
});
