import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inheritableDescriptors, withoutInherited } from './descriptors.ts';

const PATH = '/usr/bin:/bin';

test('what this process opened itself is not handed down, and neither are the standard streams', () => {
  const own = openSync('/dev/null', 'r');
  try {
    expect(inheritableDescriptors(3)).not.toContain(own);
    expect(inheritableDescriptors(3).every((fd) => fd > 2)).toBe(true);
  } finally {
    closeSync(own);
  }
});

test('a command line stays as it is when there is nothing to close', () => {
  expect(withoutInherited(['true', 'x y'], PATH, 3, [])).toEqual(['true', 'x y']);
});

test('descriptors of any number are closed for the program, and its arguments stay whole', () => {
  const file = openSync('/etc/passwd', 'r');
  const list = ['sh', '-c', 'echo "$1"; cd /proc/self/fd && echo *', 'sh', 'a "b" $c'];
  const open = (argv: readonly string[]): string => {
    const [program = '', ...args] = argv;
    const stdio = Array.from({ length: 13 }, (_none, fd) => (fd === 4 || fd === 12 ? file : 'ignore'));
    return spawnSync(program, args, { stdio: ['ignore', 'pipe', ...stdio.slice(2)], env: { PATH } }).stdout.toString();
  };
  try {
    expect(open(list)).toMatch(/^a "b" \$c\n.*\b4\b.*\b12\b|\b12\b.*\b4\b/);
    expect(open(withoutInherited(list, PATH, 3, [4, 12]))).not.toMatch(/\b(?:4|12)\b/);
  } finally {
    closeSync(file);
  }
});

test('closing runs nothing of the caller’s: no start-up file is read, although the input is a socket', () => {
  const home = mkdtempSync(join(tmpdir(), 'ironcage-home-'));
  writeFileSync(join(home, '.bashrc'), 'echo start-up file\n');
  const output = (argv: readonly string[]): string => {
    const [program = '', ...args] = argv;
    return spawnSync(program, args, { env: { PATH, HOME: home }, input: '' }).stdout.toString();
  };
  expect(output(['bash', '-c', 'exec "$@"', 'bash', 'echo', 'the program'])).toBe('start-up file\nthe program\n');
  expect(output(withoutInherited(['echo', 'the program'], PATH, 3, [12]))).toBe('the program\n');
  rmSync(home, { recursive: true });
});
