import { expect, test } from 'vitest';
import { runCli, type Call } from '../../../test/support/cli-host.ts';
import { IronError } from '../../platform/errors.ts';
import type { Library } from '../library.ts';

/** A cage whose work was not taken over: it goes only when that is said. */
function guarded(calls: Call[]): Partial<Library> {
  return {
    removeCage: async (_context, name, { discard }) => {
      if (discard) return void calls.push(['discarded', name]);
      throw new IronError('E_UNEXPORTED', {
        message: `${name} holds unexported work`,
        hint: 'ironcage apply, or --discard',
        details: { files: ['src/a.ts'] },
      });
    },
  };
}

test('without a terminal unexported work is named and kept', async () => {
  const calls: Call[] = [];
  const result = await runCli(['rm', 'a'], { library: guarded(calls) });
  expect(result.exitCode).toBe(126);
  expect(result.stderr).toContain('error[E_UNEXPORTED]: a holds unexported work');
  expect(calls).toEqual([]);
});

test('-y does not throw unexported work away, not even at a terminal', async () => {
  const calls: Call[] = [];
  const result = await runCli(['rm', '-y', 'a'], { library: guarded(calls), terminal: true, stdin: 'yes\n' });
  expect(result.exitCode).toBe(126);
  expect(calls).toEqual([]);
});

test.each([
  ['yes\n', [['discarded', 'a']], 0],
  ['y\n', [], 1],
  ['\n', [], 1],
  ['no\n', [], 1],
])('at a terminal the answer %j to the question decides', async (stdin, expected, exitCode) => {
  const calls: Call[] = [];
  const result = await runCli(['rm', 'a'], { library: guarded(calls), terminal: true, stdin });
  expect(result.stderr).toContain('src/a.ts');
  expect(calls).toEqual(expected);
  expect(result.exitCode).toBe(exitCode);
});

test('every cage is asked about by itself', async () => {
  const calls: Call[] = [];
  const result = await runCli(['rm', 'a', 'b', '--json'], {
    library: guarded(calls),
    terminal: true,
    stdin: 'no\nyes\n',
  });
  expect(calls).toEqual([['discarded', 'b']]);
  expect(JSON.parse(result.stdout)).toEqual({ removed: ['b'], kept: ['a'] });
});

test('a failure that is no question of work stays a failure', async () => {
  const library: Partial<Library> = {
    removeCage: async () => {
      throw new IronError('E_LOCKED', { message: 'busy', hint: 'wait' });
    },
  };
  expect((await runCli(['rm', 'a'], { library, terminal: true, stdin: 'yes\n' })).exitCode).toBe(125);
});
