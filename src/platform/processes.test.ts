import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { findProgram, identifyProcess, isAlive, run, signalProcess, waitForExit } from './processes.ts';
import { printable, printableLine } from './text.ts';

const env = { PATH: '/usr/bin:/bin' };

test('a program’s output, exit code and input pass through', async () => {
  const result = await run('sh', ['-c', 'cat; echo problem >&2; exit 3'], { env, input: 'in' });
  expect(result).toMatchObject({ exitCode: 3, signal: null, stderr: 'problem\n', timedOut: false });
  expect(result.stdout.toString()).toBe('in');
});

test('a program that takes too long is killed and says so', async () => {
  expect(await run('sleep', ['60'], { env, timeoutMs: 30 })).toMatchObject({ timedOut: true, signal: 'SIGKILL' });
});

test('a program that prints without end is killed', async () => {
  const result = await run('yes', [], { env, maxOutputBytes: 100_000 });
  expect(result.signal).toBe('SIGKILL');
  expect(result.stdout.length).toBeLessThanOrEqual(100_000);
});

test('a program that is missing is an error that names its package', async () => {
  await expect(run('bwrap', [], { env: { PATH: '/nonexistent' } })).rejects.toMatchObject({
    code: 'E_TOOL_MISSING',
    hint: expect.stringContaining('bubblewrap'),
  });
});

test('programs are found on absolute directories of PATH only', () => {
  expect(findProgram('sh', 'relative:/usr/bin:/bin')).toMatch(/^\/(usr\/)?bin\/sh$/);
  expect(findProgram('sh', '.')).toBeUndefined();
  expect(findProgram('no-such-program', '/usr/bin')).toBeUndefined();
});

test('a process is known until it ends, and a number alone is not the process', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error('the child is gone');
  expect(isAlive(identity)).toBe(true);
  expect(identity.parentPid).toBe(process.pid);
  expect(isAlive({ ...identity, startTicks: '1' })).toBe(false);
  signalProcess({ ...identity, startTicks: '1' }, 'SIGKILL');
  expect(isAlive(identity)).toBe(true);
  const ended = once(child, 'exit');
  signalProcess(identity, 'SIGKILL');
  await ended;
  expect(await waitForExit(identity, 1000)).toBe(true);
  signalProcess(identity, 'SIGKILL');
});

test.each([
  ['\u001b[31mred', '\\x1b[31mred'],
  ['a\rb', 'a\\x0db'],
  ['tab\tand\nline', 'tab\tand\nline'],
  ['\u202eevil', '\\u{202e}evil'],
  ['zero\u200bwidth', 'zero\\u{200b}width'],
  ['tag\u{e0041}', 'tag\\u{e0041}'],
  ['\u009b31m', '\\x9b31m'],
  ['\ud800', '\\u{d800}'],
  ['ünïcödé 日本 🙂', 'ünïcödé 日本 🙂'],
])('%j is printed as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('on one line, line breaks and tabs are shown too', () => {
  expect(printableLine('a\nb\tc')).toBe('a\\nb\\tc');
});
