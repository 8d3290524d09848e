import { expect, test } from 'vitest';
import { runCli, type Call } from '../../../test/support/cli-host.ts';
import { IronError } from '../../platform/errors.ts';
import type { Library } from '../library.ts';

async function diffOf(...args: string[]): Promise<unknown> {
  return JSON.parse((await runCli(['diff', 'shop', '--json', ...args])).stdout);
}

async function targetsOf(...args: string[]): Promise<unknown[]> {
  return (await runCli(['apply', 'shop', '-y', ...args])).calls.map(([, , options]) => options);
}

test('the cage of add-dir and of remove-dir may be left out', async () => {
  expect((await runCli(['add-dir', '../lib'])).calls).toEqual([['addDir', 'shop-1', '../lib', { name: undefined }]]);
  const named = await runCli(['add-dir', 'desk', '/src/My.Library', '--name', 'mylib', '--json']);
  expect(named.calls).toEqual([['addDir', 'desk', '/src/My.Library', { name: 'mylib' }]]);
  expect(JSON.parse(named.stdout)).toEqual({ cage: 'desk', dirs: [{ name: 'lib', path: '/work/lib' }] });
  expect((await runCli(['remove-dir', 'lib'])).calls).toEqual([['removeDir', 'shop-1', 'lib', { discard: false }]]);
  const discarded = await runCli(['remove-dir', 'desk', 'lib', '--discard', '--json']);
  expect(discarded.calls).toEqual([['removeDir', 'desk', 'lib', { discard: true }]]);
  expect(JSON.parse(discarded.stdout)).toEqual({ cage: 'desk', removed: ['lib'], kept: [] });
});

test.each([
  ['yes\n', [], true, [['discarded', 'lib']], 0],
  ['no\n', [], true, [], 1],
  ['yes\n', ['-y'], true, [], 126],
  ['yes\n', [], false, [], 126],
])(
  'unexported work of a directory goes by a typed yes alone: %j %j terminal %j',
  async (stdin, flags, terminal, done, code) => {
    const calls: Call[] = [];
    const library: Partial<Library> = {
      removeDir: async (_context, cage, dir, { discard }) => {
        if (!discard) throw new IronError('E_UNEXPORTED', { message: 'work', hint: '--discard' });
        calls.push(['discarded', dir]);
        return { cage, dirs: [] };
      },
    };
    const result = await runCli(['remove-dir', 'desk', 'lib', ...flags], { library, terminal, stdin });
    expect([calls, result.exitCode]).toEqual([done, code]);
  },
);

test('diff shows the project, one directory, or all, and says which in its JSON', async () => {
  expect(await diffOf()).not.toHaveProperty('dir');
  expect(await diffOf('--dir', 'lib')).toMatchObject({ cage: 'shop', dir: 'lib', base: 'abc' });
  expect(await diffOf('--all')).toMatchObject({ cage: 'shop', directories: [{ dir: '' }, { dir: 'lib' }] });
  expect(await diffOf('--dir', 'lib', '--dir', 'more')).toMatchObject({
    directories: [{ dir: 'lib' }, { dir: 'more' }],
  });
  expect((await runCli(['diff', 'shop', '--all', '--exit-code'])).exitCode).toBe(1);
});

test('apply writes what was named and nothing else', async () => {
  const to = { target: 'working-tree', hostExecutable: 'refuse' };
  expect(await targetsOf()).toEqual([to]);
  expect(await targetsOf('--dir', 'lib')).toEqual([{ dir: 'lib', ...to }]);
  expect(await targetsOf('--all')).toEqual([to, { dir: 'lib', ...to }]);
});

test('a conflict in one directory keeps all as they are', async () => {
  const calls: Call[] = [];
  const plan = { files: [], stays: [], hostExecutable: [], inPlace: false };
  const library: Partial<Library> = {
    planApplyCage: async (_context, _name, dir) => ({
      ...plan,
      conflicts: dir === 'lib' ? [{ path: 'a', kind: 'content' }] : [],
    }),
    applyCage: async (_context, name) => {
      calls.push(['applied', name]);
      return { applied: [], leftOut: [] };
    },
  };
  const result = await runCli(['apply', 'shop', '-y', '--all'], { library });
  expect(result.exitCode).toBe(126);
  expect(result.stderr).toContain('the change of shop, directory lib conflicts');
  expect(calls).toEqual([]);
});

test('--add-dir goes to the library as it was typed', async () => {
  const { calls } = await runCli(['run', 'claude', '--add-dir', '../lib', '--add-dir', '/srv/x']);
  expect(calls).toMatchObject([['runAgent', { options: { dirs: ['../lib', '/srv/x'] } }]]);
});
