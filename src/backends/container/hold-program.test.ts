import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createHoldProgram } from './hold-program.ts';

test.each([
  ['x64', 62],
  ['arm64', 183],
])('for %s it is an executable of that machine, of a few hundred bytes', (architecture, machine) => {
  const file = createHoldProgram(architecture);
  expect(file?.subarray(0, 4).toString('latin1')).toBe('\u007fELF');
  expect(file?.readUInt16LE(18)).toBe(machine);
  expect(file?.length).toBeLessThan(400);
});

test('for an unknown machine there is none', () => {
  expect(createHoldProgram('mips')).toBeUndefined();
});

test('here it runs, ignores the end of its children, and sleeps until it is ended', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-hold-'));
  const file = join(directory, 'hold');
  writeFileSync(file, createHoldProgram(process.arch) ?? '', { mode: 0o755 });
  const child = spawn(file, []);
  try {
    const field = (name: string): string =>
      new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '';
    const sleeps = (): boolean => field('Name') === 'hold' && field('State') === 'S';
    while (!sleeps()) await new Promise((wake) => setTimeout(wake, 5));
    // Bit 16 stands for signal 17, SIGCHLD.
    expect(Number.parseInt(field('SigIgn'), 16) & 0x10000).toBe(0x10000);
  } finally {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  }
});
