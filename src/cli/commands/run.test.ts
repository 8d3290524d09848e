import { expect, test } from 'vitest';
import { FILE, runCli } from '../../../test/support/cli-host.ts';
import { IronError } from '../../platform/errors.ts';
import type { Library, RunOutcome } from '../library.ts';

const OUTCOME: RunOutcome = {
  cage: 'shop-1',
  exitCode: 0,
  change: { files: [] },
  further: [],
  refused: [],
  requests: 0,
  secretsUsed: [],
  kept: true,
  inPlace: false,
};

function ending(outcome: Partial<RunOutcome>): { library: Partial<Library> } {
  return { library: { runAgent: async () => ({ ...OUTCOME, ...outcome }) } };
}

test('the end of a run says what changed, what was refused and what to do next, on stderr', async () => {
  const { stdout, stderr, exitCode } = await runCli(['run', 'claude']);
  expect(stdout).toBe('');
  expect(exitCode).toBe(3);
  expect(stderr).toBe(`
changed: 1 file (1 modified), +3 −1
  M  src/a.ts  +3 −1
refused: 2 of 9 requests
  2× POST evil.example/up by <default-deny>
     to allow it: ironcage policy allow X
secret used: TOKEN at a.example, 7 requests
next: ironcage diff shop-1, then ironcage apply shop-1
`);
});

test('a run without a change proposes nothing', async () => {
  const { stderr } = await runCli(['run', 'claude'], ending({}));
  expect(stderr).toBe('\nchanged: nothing\nrefused: nothing (0 requests)\n');
});

test('a file that can run on the host is shown however many files there are', async () => {
  const files = Array.from({ length: 100 }, (_, index) => ({ ...FILE, path: `src/${index}.ts` }));
  const { stderr } = await runCli(
    ['run', 'claude'],
    ending({ change: { files: [...files, { ...FILE, path: '.envrc', hostExecutable: true }] } }),
  );
  expect(stderr).toMatch(/\.envrc .* can run on the host\n/);
  expect(stderr).toContain('and 71 more');
});

test('--quiet prints nothing of its own, --json one document on stderr', async () => {
  expect((await runCli(['run', 'claude', '--quiet'])).stderr).toBe('');
  const { stdout, stderr } = await runCli(['run', 'claude', '--json']);
  expect(stdout).toBe('');
  expect(JSON.parse(stderr)).toMatchObject({ cage: 'shop-1', exitCode: 3, requests: 9 });
});

test('only where stdin and stdout are terminals the agent gets one', async () => {
  const terminal = await runCli(['run', 'claude'], { terminal: true, colorTerminal: true });
  expect(terminal.calls).toMatchObject([['runAgent', { options: { terminal: true } }]]);
  const piped = await runCli(['run', 'claude'], { terminal: true });
  expect(piped.calls).toMatchObject([['runAgent', { options: { terminal: false } }]]);
});

test('--dry-run prints the plan and runs nothing', async () => {
  const { stdout, calls } = await runCli(['run', 'claude', '--dry-run']);
  expect(stdout).toBe('name: shop-1\nsteps:\n  - copy the project\n  - start the egress\n');
  expect(calls.map(([name]) => name)).toEqual(['planCage']);
});

test('--no-attach makes the cage where there is none, starts it and prints its name', async () => {
  const library: Partial<Library> = {
    resolveCageName: async () => {
      throw new IronError('E_NO_CAGE', { message: 'none', hint: 'make one' });
    },
  };
  const { stdout, calls } = await runCli(['run', 'claude', '--no-attach', '--allow', 'npm'], { library });
  expect(stdout).toBe('shop-1\n');
  expect(calls).toMatchObject([
    ['createCage', undefined, { agent: 'claude', allow: ['npm'] }],
    ['startCage', 'shop-1'],
  ]);
});
