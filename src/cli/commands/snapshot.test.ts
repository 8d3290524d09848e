import { expect, test } from 'vitest';
import { runCli, type Call } from '../../../test/support/cli-host.ts';
import { IronError } from '../../platform/errors.ts';
import type { Library } from '../library.ts';
import { sizeText } from '../snapshot-rows.ts';

test('a snapshot prints its name, and says what is no part of it', async () => {
  const { calls, stdout, stderr } = await runCli(['snapshot', '--name', 'first']);
  expect(calls).toEqual([['takeSnapshot', 'shop-1', { name: 'first' }]]);
  expect(stdout).toBe('first\n');
  expect(stderr).toContain('left out: the home: .pipe (it is a pipe, socket or device)');
  expect(stderr).toContain('not part of it: /srv: it is mounted');
  expect(JSON.parse((await runCli(['snapshot', 'desk', '--json'])).stdout)).toMatchObject({
    cage: 'desk',
    name: 'first',
  });
});

test('snapshots are listed with time and size, and as JSON', async () => {
  const { stdout } = await runCli(['snapshot', '--list']);
  expect(stdout).toMatch(/first +2026-11-21T12:00:00.000Z +1.2 MB/);
  expect(stdout).toMatch(/before-rewind-1 .* made by rewind/);
  expect(JSON.parse((await runCli(['snapshot', 'desk', '--list', '--json'])).stdout)).toHaveLength(2);
});

test.each([
  ['yes\n', [], true, [['discarded', 'first']], 0],
  ['no\n', [], true, [], 1],
  ['yes\n', ['-y'], true, [], 126],
  ['yes\n', [], false, [], 126],
  ['', ['--discard'], false, [['discarded', 'first']], 0],
])('work in a snapshot goes by a typed yes alone: %j %j terminal %j', async (stdin, flags, terminal, done, code) => {
  const calls: Call[] = [];
  const library: Partial<Library> = {
    removeSnapshot: async (_context, _cage, snapshot, { discard }) => {
      if (!discard) throw new IronError('E_UNEXPORTED', { message: 'work', hint: '--discard' });
      calls.push(['discarded', snapshot]);
    },
  };
  const result = await runCli(['snapshot', 'desk', '--rm', 'first', ...flags], { library, terminal, stdin });
  expect([calls, result.exitCode]).toEqual([done, code]);
});

test('a rewind names what became of the state before, and what the snapshot does not have', async () => {
  const { calls, stdout, stderr } = await runCli(['rewind', 'first']);
  expect(calls).toEqual([['rewindCage', 'shop-1', 'first']]);
  expect(stdout).toBe('shop-1 is as first has it: the home\n');
  expect(stderr).toContain('ironcage rewind shop-1 before-rewind-1');
  expect(stderr).toContain('not in first, and left as it is: the directory lib');
  expect(JSON.parse((await runCli(['rewind', 'desk', 'first', '--json'])).stdout)).toMatchObject({ cage: 'desk' });
});

test('a fork prints its name, and says what it does not have of the first cage', async () => {
  const { calls, stdout, stderr } = await runCli(['fork', 'second', '--from', 'first']);
  expect(calls).toEqual([['forkCage', 'shop-1', 'second', { from: 'first' }]]);
  expect(stdout).toBe('second\n');
  for (const text of ['127.0.0.1:3000', 'secret set KEY --cage second', 'old.example']) expect(stderr).toContain(text);
  expect((await runCli(['fork', 'desk', 'second'])).calls).toEqual([
    ['forkCage', 'desk', 'second', { from: undefined }],
  ]);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [123_456, '123 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [5e9, '5.0 GB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
