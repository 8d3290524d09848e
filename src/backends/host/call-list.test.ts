import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, type RunResult } from '../../platform/processes.ts';
import { addresses, callList, createCallProgram, type Call, type Put } from './call-list.ts';

const [WRITE, OPEN, CLOSE, EXECVE, EXIT] = [1, 2, 3, 59, 231];
const [ENOENT, EBADF] = [2, 9];

const program = createCallProgram(process.arch);

async function make(
  compose: (put: Put) => readonly Call[],
): Promise<Pick<RunResult, 'exitCode' | 'stderr'> & { out: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'ironcage-calls-'));
  try {
    const [file, list] = [join(directory, 'program'), join(directory, 'list')];
    writeFileSync(file, program ?? '', { mode: 0o755 });
    writeFileSync(list, callList(compose) ?? '');
    const { exitCode, stdout, stderr } = await run(file, [list], { env: {} });
    return { exitCode, stderr, out: stdout.toString() };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const say = (text: string, put: Put): Call => ({
  ...{ call: WRITE, args: [1, put(text), text.length], most: text.length },
  ...{ failure: 'not said', exitCode: 1 },
});
const exit = (code: number): Call => ({ call: EXIT, args: [code], failure: '', exitCode: 1 });

const missing = (put: Put): Call => ({
  ...{ call: OPEN, args: [put('/not/there'), 0], most: 3 },
  ...{ failure: 'no such file\n', exitCode: 12 },
});
const open = (put: Put): Call => ({
  ...{ call: OPEN, args: [put('/dev/null'), 0], most: 1 },
  ...{ failure: 'another file', exitCode: 13 },
});
const close = (tolerated: number[]): Call => ({
  ...{ call: CLOSE, args: [99], tolerated },
  ...{ failure: 'not closed', exitCode: 14 },
});
const become = (put: Put): Call => ({
  ...{ call: EXECVE, failure: 'no', exitCode: 15 },
  args: [put('/bin/sh'), addresses(['sh', '-c', 'echo "$1 $A"', 'sh', 'ünï x'], put), addresses(['A=b c'], put)],
});

test('another architecture has no such program', () => {
  expect(createCallProgram('arm64')).toBeUndefined();
});

test('more than can be read is no list', () => {
  expect(callList((put) => [say('x'.repeat(2 ** 22), put)])).toBeUndefined();
});

test.skipIf(program === undefined)('calls are made in their order', async () => {
  expect(await make((put) => [say('one ', put), say('two', put), exit(7)])).toEqual({
    ...{ exitCode: 7, stderr: '', out: 'one two' },
  });
});

test.skipIf(program === undefined)('the first that fails ends it, with its words and its code', async () => {
  expect(await make((put) => [say('one', put), missing(put), say('two', put), exit(0)])).toEqual({
    ...{ exitCode: 12, stderr: 'no such file\n', out: 'one' },
  });
});

test.skipIf(program === undefined)('a greater value than was expected is a failure', async () => {
  expect(await make((put) => [open(put), exit(0)])).toMatchObject({ exitCode: 13, stderr: 'another file' });
});

test.skipIf(program === undefined)('only the errors that are tolerated are', async () => {
  expect(await make(() => [close([ENOENT, EBADF]), exit(0)])).toMatchObject({ exitCode: 0 });
  expect(await make(() => [close([ENOENT, EBADF + 1]), exit(0)])).toMatchObject({ exitCode: 14 });
});

test.skipIf(program === undefined)(
  'it becomes a program, with the arguments and the environment that it is given',
  async () => {
    expect(await make((put) => [become(put)])).toEqual({ exitCode: 0, stderr: '', out: 'ünï x b c\n' });
  },
);
