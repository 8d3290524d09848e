import { expect, test } from 'vitest';
import { claude } from './claude.ts';
import { shell, shellArgv } from './shell.ts';

test.each([
  { args: [], argv: ['claude', '--dangerously-skip-permissions'] },
  { args: ['-p', 'hi'], argv: ['claude', '--dangerously-skip-permissions', '-p', 'hi'] },
  { args: ['--permission-mode', 'plan'], argv: ['claude', '--permission-mode', 'plan'] },
  { args: ['-p', 'x', '--permission-mode=default'], argv: ['claude', '-p', 'x', '--permission-mode=default'] },
  { args: ['--dangerously-skip-permissions'], argv: ['claude', '--dangerously-skip-permissions'] },
  { args: ['--version'], argv: ['claude', '--version'] },
  { args: ['mcp', 'list'], argv: ['claude', 'mcp', 'list'] },
])('claude $args starts as $argv', ({ args, argv }) => {
  expect(claude.startArgv(['claude'], args)).toEqual(argv);
});

test('a prompt that only mentions a permission flag does not switch the questions on', () => {
  expect(claude.startArgv(['claude'], ['-p', 'explain --permission-mode=plan'])).toContain(
    '--dangerously-skip-permissions',
  );
});

test('the seeded home trusts this project and approves the placeholder, never a whole key', () => {
  const placeholder = 'sk-ant-api03-0123456789abcdef0123456789abcdef';
  const files = claude.homeFiles({ project: '/work/a "b"', placeholders: { ANTHROPIC_API_KEY: placeholder } });
  const state: unknown = JSON.parse(files.find((file) => file.path === '.claude.json')?.content ?? '');
  expect(state).toMatchObject({
    hasCompletedOnboarding: true,
    projects: { '/work/a "b"': { hasTrustDialogAccepted: true } },
    customApiKeyResponses: { approved: ['cdef0123456789abcdef'] },
  });
  expect(JSON.stringify(files)).not.toContain(placeholder);
});

test('without a key nothing is approved', () => {
  const files = claude.homeFiles({ project: '/p', placeholders: {} });
  expect(files[0]?.content).toContain('"approved": []');
});

test('a shell with arguments is those arguments, without any it is a login shell', () => {
  expect(shell.startArgv(['/usr/bin/bash'], [])).toEqual(shellArgv());
  expect(shell.startArgv(['/usr/bin/bash'], ['ls', '-a b'])).toEqual(['ls', '-a b']);
});

test('works unattended with its events as JSON, and takes a model and a session to go on with', () => {
  const headless = claude.headless;
  const first = ['-p', '--output-format', 'stream-json', '--verbose'];
  expect(headless?.argv(['claude'], { args: [] })).toEqual(['claude', ...first, '--dangerously-skip-permissions']);
  const request = { model: 'opus', resume: '05f66397', maxCostUsd: 2.5, args: ['--permission-mode', 'plan'] };
  expect(headless?.argv(['claude'], request)).toEqual([
    ...['claude', ...first],
    ...['--model=opus', '--resume=05f66397', '--max-budget-usd=2.5', '--permission-mode', 'plan'],
  ]);
});
