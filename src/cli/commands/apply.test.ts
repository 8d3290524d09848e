import { expect, test } from 'vitest';
import { FILE, runCli, type CliOptions } from '../../../test/support/cli-host.ts';
import type { ApplyPlanView } from '../library.ts';

const RUNS_HERE: ApplyPlanView = {
  files: [FILE, { ...FILE, path: '.envrc', change: 'added', hostExecutable: true }],
  conflicts: [],
  stays: [],
  inPlace: false,
  hostExecutable: [
    {
      path: '.envrc',
      content: '100644 1',
      decision: 'undecided',
      reasons: [
        {
          class: 'shell-environment',
          rank: 'critical',
          trigger: 'direnv',
          when: 'on cd',
          details: [],
          lines: [],
          moreLines: 0,
        },
      ],
    },
  ],
};

function apply(plan: ApplyPlanView, argv: string, options: CliOptions = {}): ReturnType<typeof runCli> {
  return runCli(['apply', 'a', ...argv.split(' ').filter(Boolean)], {
    ...options,
    library: { planApplyCage: async () => plan },
  });
}

function applied(hostExecutable: string, more: object = {}): unknown[] {
  return [['applyCage', 'a', { target: 'working-tree', hostExecutable, ...more }]];
}

/** A yes at the terminal is one to what was on the screen. */
const SHOWN = { shown: [{ path: '.envrc', content: '100644 1' }] };

test.each([
  ['--yes', 'E_HOST_EXECUTABLE'],
  ['', 'E_HOST_EXECUTABLE'],
  ['--accept-host-executable', 'E_REFUSED'],
  ['--skip-host-executable', 'E_REFUSED'],
])('without a terminal %j is not yes enough', async (argv, code) => {
  const result = await apply(RUNS_HERE, argv);
  expect(result.exitCode).toBe(126);
  expect(result.stderr).toMatch(new RegExp(`^error\\[${code}\\]`));
  expect(result.calls).toEqual([]);
});

test.each([
  ['--yes --accept-host-executable', 'accept'],
  ['--yes --skip-host-executable', 'leave-out'],
])('without a terminal %j is enough, and what runs on the host is listed', async (argv, decision) => {
  const result = await apply(RUNS_HERE, argv);
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain('shell-environment: direnv, on cd');
  expect(result.calls).toEqual(applied(decision));
});

test.each([
  ['y\ny\n', '', applied('accept', SHOWN), 0],
  ['n\ny\n', '', applied('leave-out'), 0],
  ['y\nn\n', '', [], 1],
  ['y\n', '--yes', applied('accept', SHOWN), 0],
  ['n\n', '--yes', applied('leave-out'), 0],
  ['n\n', '--accept-host-executable', [], 1],
])('at a terminal the answers %j with %j decide', async (stdin, argv, calls, exitCode) => {
  const result = await apply(RUNS_HERE, argv, { terminal: true, stdin });
  expect(result.calls).toEqual(calls);
  expect(result.exitCode).toBe(exitCode);
});

test('a conflict is listed and nothing is done, whatever was allowed', async () => {
  const plan = { ...RUNS_HERE, conflicts: [{ path: 'src/a.ts', kind: 'content' }] };
  const result = await apply(plan, '--yes --accept-host-executable --json');
  expect(result.exitCode).toBe(126);
  expect(JSON.parse(result.stderr)).toMatchObject({
    error: { code: 'E_CONFLICT', details: { conflicts: [{ path: 'src/a.ts', kind: 'content' }] } },
  });
  expect(result.calls).toEqual([]);
});

test('an empty change is nothing to ask about', async () => {
  const result = await apply({ files: [], conflicts: [], stays: [], hostExecutable: [], inPlace: false }, '');
  expect(result).toMatchObject({ exitCode: 0, calls: [] });
});

test('--json prints one document and no list', async () => {
  const result = await apply({ ...RUNS_HERE, files: [FILE], hostExecutable: [] }, '--yes --json');
  expect(JSON.parse(result.stdout)).toEqual({ cage: 'a', applied: ['src/a.ts'], leftOut: [] });
  expect(result.stderr).toBe('');
});

test.each(['accepted', 'left-out'] as const)('what a review has %s is not asked about again', async (decision) => {
  const hostExecutable = RUNS_HERE.hostExecutable.map((file) => ({ ...file, decision }));
  const result = await apply({ ...RUNS_HERE, hostExecutable }, '--yes');
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain(`1 file ${decision.replace('-', ' ')} in the review`);
  expect(result.calls).toEqual(applied('refuse'));
});

test('who has said yes is planned for once, who is asked and several directories once more', async () => {
  const plan = { ...RUNS_HERE, files: [FILE], hostExecutable: [] };
  for (const [argv, plans, stdin] of [
    ['--yes', 1, ''],
    ['', 2, 'y\n'],
    ['--yes --all', 4, ''],
  ] as const) {
    let planned = 0;
    const library: CliOptions['library'] = {
      applyDecided: async (_context, _name, _request, decide) => {
        planned += 1;
        return { plan, outcome: decide(plan) && { applied: ['src/a.ts'], leftOut: [] } };
      },
      // Plans anew.
      applyCage: async () => ((planned += 1), { applied: ['src/a.ts'], leftOut: [] }),
    };
    const options = { library, terminal: true, stdin };
    const { exitCode, stdout } = await runCli(['apply', 'a', ...argv.split(' ').filter(Boolean)], options);
    expect([exitCode, planned]).toEqual([0, plans]);
    expect(stdout).toContain('applied 1 file to the working tree');
  }
});
