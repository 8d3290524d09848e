import { expect, test } from 'vitest';
import { runCli } from '../../../test/support/cli-host.ts';

const VALUE = 'sk-real-value-1';

test.each([
  [`${VALUE}\n`, VALUE],
  [`${VALUE}\r\n`, VALUE],
  [VALUE, VALUE],
  [`${VALUE}\n\n`, `${VALUE}\n`],
])('the value %j is read from a pipe', async (stdin, value) => {
  const result = await runCli(['secret', 'set', 'TOKEN'], { stdin });
  expect(result.calls).toEqual([['secretSet', { name: 'TOKEN', value }]]);
  expect(result.stdout + result.stderr).not.toContain(VALUE);
});

test('host, header and cage are handed on', async () => {
  const argv = ['secret', 'set', 'shop-1', 'TOKEN', '--host', 'a.example', '--host', 'b.example', '--header', 'x-key'];
  const { calls } = await runCli(argv, { stdin: VALUE });
  expect(calls).toEqual([
    ['secretSet', { name: 'TOKEN', value: VALUE, cage: 'shop-1', hosts: ['a.example', 'b.example'], header: 'x-key' }],
  ]);
});

test.each([
  [`${VALUE}\r`, VALUE],
  [`x\u0015${VALUE}z\u007f\r`, VALUE],
  [`${VALUE}\n`, VALUE],
])('at a terminal the keys %j are the value, and do not show', async (stdin, value) => {
  const result = await runCli(['secret', 'set', 'TOKEN'], { terminal: true, stdin });
  expect(result.calls).toEqual([
    ['setRawMode', true],
    ['setRawMode', false],
    ['secretSet', { name: 'TOKEN', value }],
  ]);
  expect(result.stdout + result.stderr).not.toContain(VALUE);
});

test('Ctrl-C at the prompt stores nothing and gives the terminal back', async () => {
  const result = await runCli(['secret', 'set', 'TOKEN'], { terminal: true, stdin: 'abc\u0003' });
  expect(result.calls).toEqual([
    ['setRawMode', true],
    ['setRawMode', false],
  ]);
  expect(result.exitCode).toBe(2);
});

test.each([[`TOKEN=${VALUE}`], [VALUE]])(
  'a value on the command line (%j) is refused and not repeated',
  async (name) => {
    const result = await runCli(['secret', 'set', name], { stdin: 'x' });
    expect(result.exitCode).toBe(2);
    expect(result.calls).toEqual([]);
    expect(result.stderr).not.toContain(VALUE);
  },
);

test('a value behind the name is refused and not repeated', async () => {
  const result = await runCli(['secret', 'set', 'TOKEN', VALUE], { stdin: 'x' });
  expect(result.exitCode).toBe(2);
  expect(result.stderr).not.toContain(VALUE);
});

test('too long a value is refused', async () => {
  const result = await runCli(['secret', 'set', 'TOKEN'], { stdin: 'x'.repeat(70_000) });
  expect(result).toMatchObject({ exitCode: 2, calls: [] });
});
