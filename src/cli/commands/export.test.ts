import { expect, test } from 'vitest';
import { EXPORT, FILE, PATCH, runCli, type CliOptions } from '../../../test/support/cli-host.ts';
import type { ExportView } from '../work-library.ts';

const RUNS_HERE: ExportView = {
  ...EXPORT,
  files: [FILE, { ...FILE, path: '.envrc', change: 'added', hostExecutable: true }],
  hostExecutable: [{ path: '.envrc', content: '100644 abc', decision: 'undecided', reasons: [{ class: 'shell-environment', rank: 'high', trigger: 'direnv', when: 'on cd', details: [], lines: [], moreLines: 0 }] }],
  wouldDelete: ['old.ts'],
}; // prettier-ignore

const DEFAULTS = { dir: '', below: false, deletes: false, protect: [], includeIgnored: false, force: false };

function exported(plan: ExportView, argv: string, options: CliOptions = {}): ReturnType<typeof runCli> {
  const library = { planExportCage: async () => plan };
  return runCli(['export', 'a', ...argv.split(' ').filter(Boolean)], { ...options, library });
}

test('every option arrives', async () => {
  const { calls } = await exported(EXPORT, '-o out --delete --protect *.lock --protect conf --include-ignored --force');
  const asked = { output: 'out', deletes: true, protect: ['*.lock', 'conf'], includeIgnored: true, force: true };
  expect(calls).toEqual([['exportCage', 'a', { ...DEFAULTS, ...asked, hostExecutable: 'refuse' }]]);
  const all = await exported(EXPORT, '--all -o out');
  expect(all.calls).toMatchObject([['exportCage', 'a', { dir: '', below: true }], ['exportCage', 'a', { dir: 'lib', below: true }]]); // prettier-ignore
});

test('what can run on the host needs a yes of its own, and deletes are always shown', async () => {
  const refused = await exported(RUNS_HERE, '');
  expect([refused.exitCode, refused.calls]).toEqual([126, []]);
  expect(refused.stderr).toMatch(/^error\[E_HOST_EXECUTABLE\]/);
  for (const [argv, decision] of [
    ['--accept-host-executable', 'accept'],
    ['--skip-host-executable', 'leave-out'],
  ] as const) {
    // prettier-ignore
    const { calls, stderr } = await exported(RUNS_HERE, argv);
    expect(calls).toMatchObject([['exportCage', 'a', { hostExecutable: decision }]]);
    expect(stderr).toContain('would be deleted with --delete: old.ts');
  }
  const asked = await exported(RUNS_HERE, '', { terminal: true, stdin: 'y\n' });
  expect(asked.calls).toMatchObject([['exportCage', 'a', { hostExecutable: 'accept', shown: [{ path: '.envrc' }] }]]);
});

test('one directory is planned and written at once, several are all planned before one is written', async () => {
  const outcome = { target: '/work/shop', exported: ['src/a.ts'], leftOut: [], inPlace: false };
  for (const [argv, plans] of [['', 1], ['--accept-host-executable', 1], ['--all -o out', 4]] as const) {
    let planned = 0;
    const library: CliOptions['library'] = {
      exportDecided: async (_context, _name, _query, decide) => {
        planned += 1;
        return { plan: EXPORT, outcome: decide(EXPORT) && outcome };
      },
      // Plans anew.
      exportCage: async () => ((planned += 1), outcome),
    };
    const { exitCode } = await runCli(['export', 'a', ...argv.split(' ').filter(Boolean)], { library, terminal: true });
    expect([exitCode, planned]).toEqual([0, plans]);
  }
}); // prettier-ignore

test('a conflict is named and nothing is done', async () => {
  const plan = { ...EXPORT, conflicts: [{ path: 'src/a.ts', kind: 'changed there since the base' }] };
  const { calls, exitCode, stderr } = await exported(plan, '--json');
  expect([exitCode, calls]).toEqual([126, []]);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'E_CONFLICT', details: { conflicts: plan.conflicts } } });
});

test('a dry run prints what would happen and asks for nothing', async () => {
  const { calls, exitCode, stdout } = await exported(RUNS_HERE, '--dry-run');
  expect([exitCode, calls]).toEqual([0, []]);
  expect(stdout).toContain('would be deleted with --delete: old.ts');
  const json = await exported(RUNS_HERE, '--dry-run --json');
  expect(JSON.parse(json.stdout)).toMatchObject({ cage: 'a', target: '/work/shop', wouldDelete: ['old.ts'] });
});

test('patches go to files, or as they are to stdout', async () => {
  const written = await runCli(['patch', 'a', '-o', 'out']);
  expect(written.calls).toEqual([['writePatches', 'a', 'out']]);
  expect(written.stdout).toContain('0001-Fix.patch  agent');
  const piped = await runCli(['patch', 'a', '--stdout']);
  expect([piped.calls, piped.stdout]).toEqual([[], PATCH.contents.toString()]);
  const shown = await runCli(['patch', 'a', '--stdout'], { colorTerminal: true });
  expect(shown.stdout).not.toContain('\u001b[2J');
  const none = await runCli(['patch', 'a'], {
    library: { patchesOfCage: async (_context, cage) => ({ cage, patches: [], skipped: [] }) },
  });
  expect([none.exitCode, none.calls]).toEqual([0, []]);
  expect(none.stderr).toContain('nothing to patch');
});
