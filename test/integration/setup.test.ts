// The set-up script on machines that lack something: made of a PATH with only some programs, as an ordinary user where that matters.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PROGRAMS = ['bwrap', 'git', 'ip', 'unshare', 'nsenter', 'setpriv', 'prlimit', 'mount', 'true'];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-setup-'));
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'bin'));
  // A copy, since the checkout need not be readable for the ordinary user that the test becomes.
  cpSync('scripts/setup.mjs', join(directory, 'setup.mjs'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function has(programs: readonly string[]): void {
  for (const program of programs) {
    const found = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].find(
      (place) => spawnSync('test', ['-x', join(place, program)]).status === 0,
    );
    if (found !== undefined) symlinkSync(join(found, program), join(directory, 'bin', program));
  }
}

function put(program: string, script: string): void {
  rmSync(join(directory, 'bin', program), { force: true });
  writeFileSync(join(directory, 'bin', program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function setUp(args: readonly string[] = [], ordinary = true) {
  const env = { PATH: join(directory, 'bin') };
  const command = [process.execPath, join(directory, 'setup.mjs'), ...args];
  const asUser = ordinary && process.getuid?.() === 0;
  const prefix = asUser ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'] : [];
  const [program = '', ...rest] = [...prefix, ...command];
  const result = spawnSync(asUser ? '/usr/bin/setpriv' : program, rest, { env, encoding: 'utf8' });
  return { status: result.status, said: result.stderr };
}

test('a machine that has everything is left alone, in silence', () => {
  has(PROGRAMS);
  expect(setUp()).toEqual({ status: 0, said: '' });
});

test('an ordinary user gets the exact command for what is missing, and a 125', () => {
  has(PROGRAMS.filter((program) => program !== 'bwrap'));
  put('apt-get', 'exit 1');
  const { status, said } = setUp();
  expect(status).toBe(125);
  expect(said).toContain('sudo apt-get update && sudo apt-get install -y --no-install-recommends bubblewrap\n');
});

test('the tests’ own programs are asked for only when tests are to be run', () => {
  has(PROGRAMS);
  put('apt-get', 'exit 1');
  expect(setUp().status).toBe(0);
  expect(setUp(['--tests']).said).toContain('install -y --no-install-recommends curl tmux python3\n');
});

test('where there is no apt-get the packages are named', () => {
  has(PROGRAMS.filter((program) => program !== 'git'));
  const { status, said } = setUp();
  expect(status).toBe(125);
  expect(said).toContain('missing: git');
});

test('a kernel that forbids user namespaces is named, with what bubblewrap said', () => {
  has(PROGRAMS);
  put('bwrap', 'echo "bwrap: No permissions to create new namespace" >&2; exit 1');
  const { status, said } = setUp();
  expect(status).toBe(125);
  expect(said).toContain('bwrap: No permissions to create new namespace');
  expect(said).toContain('try: ');
});

test.skipIf(process.getuid?.() !== 0)('root gets the missing packages installed, after one update', () => {
  has(PROGRAMS.filter((program) => program !== 'bwrap'));
  const log = join(directory, 'log');
  put(
    'apt-get',
    `echo "$1 $DEBIAN_FRONTEND" >> ${log}; [ "$1" = update ] || /bin/ln -s /usr/bin/bwrap ${directory}/bin/bwrap`,
  );
  const { status, said } = setUp([], false);
  expect(status).toBe(0);
  expect(said).toBe('setup: installing bubblewrap\n');
  expect(readFileSync(log, 'utf8')).toBe('update noninteractive\ninstall noninteractive\n');
});

test.skipIf(process.getuid?.() !== 0)('an install that fails stops the set-up', () => {
  has(PROGRAMS.filter((program) => program !== 'bwrap'));
  put('apt-get', 'exit 100');
  expect(setUp([], false)).toMatchObject({ status: 125, said: expect.stringContaining('apt-get update failed') });
});
