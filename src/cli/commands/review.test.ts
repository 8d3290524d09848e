import { expect, test } from 'vitest';
import { REVIEW, runCli, type Call } from '../../../test/support/cli-host.ts';
import type { CageReview, ReviewLibrary } from '../review-library.ts';

test('a review ranks the files, with what triggers them and the lines that matter', async () => {
  const { stdout, calls, exitCode } = await runCli(['review', 'shop']);
  expect(stdout).toBe(
    [
      'critical  .envrc (added)',
      '    shell-environment: direnv; on cd',
      '      3 of .envrc',
      '      and 2 more new lines',
      '',
      'high      Makefile (added)',
      '    build-file: make; on make',
      '      3 of Makefile',
      '      and 2 more new lines',
      '',
      '2 files to look at (2 undecided), 1 ordinary file',
      '',
    ].join('\n'),
  );
  expect([calls, exitCode]).toEqual([[], 0]);
});

test('--json is the review itself, and of several directories all of them', async () => {
  expect(JSON.parse((await runCli(['review', 'shop', '--json'])).stdout)).toEqual({ ...REVIEW, cage: 'shop' });
  expect(JSON.parse((await runCli(['review', 'shop', '--all', '--json'])).stdout)).toMatchObject({
    cage: 'shop',
    directories: [{ dir: '', undecided: 2 }, { dir: 'lib' }],
  });
});

test('--exit-code says whether something is undecided', async () => {
  expect((await runCli(['review', 'shop', '--exit-code'])).exitCode).toBe(1);
  expect((await runCli(['review', 'shop', '--accept', 'ci', '--exit-code'])).exitCode).toBe(0);
});

test('flags decide in the directories that were named', async () => {
  const { calls } = await runCli('review shop --accept ci --accept a/ --leave-out .envrc --reset --dir lib'.split(' '));
  const request = { accept: ['ci', 'a/'], leaveOut: ['.envrc'], reset: true };
  expect(calls).toEqual([['decideReview', 'shop', request, ['lib']]]);
});

/** A library that keeps decisions, as far as a session at the terminal needs it. */
function deciding(start: CageReview = REVIEW): { library: Partial<ReviewLibrary>; calls: Call[] } {
  let review = start;
  const calls: Call[] = [];
  const library: Partial<ReviewLibrary> = {
    reviewCage: async () => review,
    decideReview: async (_context, name, { accept = [], leaveOut = [] }) => {
      calls.push([name, accept, leaveOut]);
      const decisionOf = (path: string): 'accepted' | 'left-out' | undefined =>
        accept.some((one) => typeof one !== 'string' && one.path === path)
          ? 'accepted'
          : leaveOut.some((one) => typeof one !== 'string' && one.path === path)
            ? 'left-out'
            : undefined;
      const files = review.files.map((file) => {
        const decision = decisionOf(file.path) ?? file.decision;
        return { ...file, decision, findings: file.findings.map((finding) => ({ ...finding, decision })) };
      });
      review = { ...review, files, undecided: files.filter(({ decision }) => decision === 'undecided').length };
      return [review];
    },
  };
  return { library, calls };
}

const ENVRC = { path: '.envrc', class: 'shell-environment', content: '100644 .envrc' };
const MAKEFILE = { path: 'Makefile', class: 'build-file', content: '100644 Makefile' };

test('at a terminal each finding is asked about, and an answer is for what was shown', async () => {
  const { library, calls } = deciding();
  const result = await runCli(['review', 'shop', '--exit-code'], { library, terminal: true, lines: ['y', 'n'] });
  expect(calls).toEqual([
    ['shop-1', [ENVRC], []],
    ['shop-1', [], [MAKEFILE]],
  ]);
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain('all is decided');
});

test('at a terminal a class is taken or left whole, a file is shown, and q ends it', async () => {
  const [first] = REVIEW.files;
  const files = [...REVIEW.files, ...(first === undefined ? [] : [{ ...first, path: 'sub/.envrc', content: 'x' }])];
  const { library, calls } = deciding({ ...REVIEW, files, undecided: 3 });
  const result = await runCli(['review', 'shop', '--exit-code'], {
    library,
    terminal: true,
    lines: ['s', '?', 'l', 'q'],
  });
  expect(calls).toEqual([['shop-1', [], [ENVRC, { ...ENVRC, path: 'sub/.envrc', content: 'x' }]]]);
  expect(result.stderr).toContain('patch of .envrc');
  expect(result.stderr).toContain('type one of the letters');
  expect(result.stderr).toContain('1 undecided');
  expect(result.exitCode).toBe(1);
});

test('what changed while somebody looked stays undecided and is said', async () => {
  const { library } = deciding();
  const changing: Partial<ReviewLibrary> = { ...library, decideReview: async () => [REVIEW] };
  const result = await runCli(['review', 'shop'], { library: changing, terminal: true, lines: ['y', 'q'] });
  expect(result.stderr).toContain('.envrc has changed meanwhile');
});

test('--list and a script ask nothing', async () => {
  for (const options of [{ terminal: true }, {}]) {
    const { stderr, calls } = await runCli(['review', 'shop', '--list'], { ...options, stdin: 'y\n' });
    expect([stderr, calls]).toEqual(['', []]);
  }
});

test('what comes from a cage is printed harmless', async () => {
  const [first] = REVIEW.files;
  if (first === undefined) throw new Error('the example is empty');
  const evil = {
    ...first,
    path: 'a\u001b[2J\nb',
    findings: first.findings.map((one) => ({ ...one, details: ['\u009b2J'] })),
  };
  const library: Partial<ReviewLibrary> = { reviewCage: async () => ({ ...REVIEW, files: [evil] }) };
  const { stdout } = await runCli(['review', 'shop'], { library });
  expect(stdout).toContain('a\\x1b[2J\\nb');
  expect(stdout).not.toMatch(/\p{Cc}(?<!\n)/u);
});
