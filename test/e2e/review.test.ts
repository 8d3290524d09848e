// Deciding about a change: by file and by class, kept until the contents change, and honoured by apply.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { giveAway } from '../support/mounted.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('shop', { 'README.md': 'one\n', 'package.json': '{"name":"a","version":"1.0.0"}\n' });
  expect((await sandbox.run(['create', project, '--name', 'shop'])).exitCode).toBe(0);
});
afterAll(() => sandbox.close());

async function inside(script: string): Promise<void> {
  const done = await sandbox.run(['exec', 'shop', '--', 'sh', '-ec', script]);
  expect([done.stderr, done.exitCode]).toEqual(['', 0]);
}

const review = (...args: string[]): Promise<CliResult> => sandbox.run(['review', 'shop', '--json', ...args]);

const decisionsOf = (result: CliResult): unknown => {
  const found = result.json();
  if (typeof found !== 'object' || found === null || !('files' in found) || !Array.isArray(found.files)) return found;
  return Object.fromEntries(found.files.map((file: { path: string; decision: string }) => [file.path, file.decision]));
};

test('a change is reviewed, decided about and applied as decided', async () => {
  await inside(`
    echo 'export A=1' > .envrc; mkdir -p .github/workflows; echo 'on: push' > .github/workflows/ci.yml; echo x > plain.txt
    printf '{"name":"a","version":"1.0.1","scripts":{"postinstall":"node evil.js"}}\\n' > package.json
    printf 'all:\\n\\techo hello\\n' > Makefile
  `);
  const before = await sandbox.run(['diff', 'shop', '--json']);
  const first = await review('--exit-code');
  expect(first.exitCode).toBe(1);
  expect(first.json()).toMatchObject({
    cage: 'shop',
    base: expect.stringMatching(/^[0-9a-f]{40}$/),
    inPlace: false,
    ordinary: 1,
    undecided: 4,
    files: [
      { path: '.envrc', rank: 'critical', change: 'added' },
      { path: 'Makefile', rank: 'high' },
      {
        path: 'package.json',
        change: 'modified',
        findings: [
          {
            class: 'package-script',
            details: ['scripts.postinstall'],
            lines: [{ line: 1, text: expect.stringContaining('"postinstall":"node evil.js"') }],
            decision: 'undecided',
          },
        ],
      },
      { path: '.github/workflows/ci.yml', rank: 'medium', findings: [{ class: 'ci' }] },
    ],
  });
  expect((await review('--accept', 'nothing-like-this')).exitCode).toBe(2);
  const decided = await review('--accept', 'ci', '--accept', 'Make*', '--leave-out', '.envrc');
  expect(decisionsOf(decided)).toEqual({
    '.envrc': 'left-out',
    Makefile: 'accepted',
    'package.json': 'undecided',
    '.github/workflows/ci.yml': 'accepted',
  });
  // The cage is as it was.
  expect((await sandbox.run(['diff', 'shop', '--json'])).stdout).toBe(before.stdout);

  const refused = await sandbox.run(['apply', 'shop', '--yes', '--json']);
  expect(refused.exitCode).toBe(126);
  expect(refused.told()).toMatchObject({
    error: { code: 'E_HOST_EXECUTABLE', details: { files: [{ path: 'package.json' }] } },
  });
  expect((await review('--accept', 'package.json', '--exit-code')).exitCode).toBe(0);

  // What changes is undecided again, and only that.
  await inside('printf "all:\\n\\techo other\\n" > Makefile');
  expect(decisionsOf(await review())).toMatchObject({ Makefile: 'undecided', 'package.json': 'accepted' });
  expect((await sandbox.run(['apply', 'shop', '--yes', '--json'])).exitCode).toBe(126);
  expect(existsSync(join(project, 'plain.txt'))).toBe(false);

  expect((await review('--accept', 'build-file', '--exit-code')).exitCode).toBe(0);
  const applied = await sandbox.run(['apply', 'shop', '--yes', '--json']);
  expect([applied.exitCode, applied.json()]).toMatchObject([0, { leftOut: ['.envrc'] }]);
  expect(existsSync(join(project, '.envrc'))).toBe(false);
  expect(readFileSync(join(project, 'Makefile'), 'utf8')).toContain('echo other');
  expect(decisionsOf(await review('--reset'))).toMatchObject({ '.envrc': 'undecided', Makefile: 'undecided' });
});

test('of a mounted project nothing can be left out, since it is there already', async () => {
  const mounted = sandbox.project('mounted');
  giveAway(mounted);
  expect((await sandbox.run(['create', mounted, '--name', 'mounted', '--workspace', 'mount'])).exitCode).toBe(0);
  expect((await sandbox.run(['exec', 'mounted', '--', 'sh', '-c', 'echo x > .envrc'])).exitCode).toBe(0);
  const listed = await sandbox.run(['review', 'mounted', '--json']);
  expect(listed.json()).toMatchObject({ inPlace: true, files: [{ path: '.envrc' }] });
  expect((await sandbox.run(['review', 'mounted', '--leave-out', '.envrc'])).exitCode).toBe(126);
  const accepted = await sandbox.run(['review', 'mounted', '--accept', '.envrc', '--exit-code']);
  expect([accepted.exitCode, accepted.stderr]).toMatchObject([0, expect.stringContaining('on this machine already')]);
});
