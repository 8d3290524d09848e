import { expect, test } from 'vitest';
import { codex } from './codex.ts';

const BYPASS = '--dangerously-bypass-approvals-and-sandbox';

test.each([
  { args: [], argv: ['codex', BYPASS] },
  { args: ['fix it'], argv: ['codex', BYPASS, 'fix it'] },
  { args: ['exec', '--json', 'fix it'], argv: ['codex', 'exec', BYPASS, '--json', 'fix it'] },
  { args: ['e', '-'], argv: ['codex', 'e', BYPASS, '-'] },
  { args: ['resume', '--last'], argv: ['codex', 'resume', BYPASS, '--last'] },
  { args: ['-m', 'gpt-6-sol', 'exec'], argv: ['codex', BYPASS, '-m', 'gpt-6-sol', 'exec'] },
  { args: ['exec', '--sandbox', 'read-only', 'x'], argv: ['codex', 'exec', '--sandbox', 'read-only', 'x'] },
  { args: ['--ask-for-approval=on-request'], argv: ['codex', '--ask-for-approval=on-request'] },
  { args: ['exec', BYPASS, 'x'], argv: ['codex', 'exec', BYPASS, 'x'] },
  { args: ['--version'], argv: ['codex', '--version'] },
  { args: ['mcp', 'list'], argv: ['codex', 'mcp', 'list'] },
  { args: ['exec', '--', '-s'], argv: ['codex', 'exec', BYPASS, '--', '-s'] },
])('codex $args starts as $argv', ({ args, argv }) => {
  expect(codex.startArgv(['codex'], args)).toEqual(argv);
});

test('the seeded home logs in with the placeholder, trusts this project and tells nobody anything', () => {
  const placeholder = 'sk-proj-0123456789abcdef0123456789abcdef';
  const files = codex.homeFiles({ project: '/work/a "b"', placeholders: { OPENAI_API_KEY: placeholder } });
  expect(files.map(({ path }) => path)).toEqual(['.codex/config.toml', '.codex/auth.json']);
  const login: unknown = JSON.parse(files[1]?.content ?? '');
  expect(login).toEqual({ auth_mode: 'apikey', OPENAI_API_KEY: placeholder });
  expect(files[0]?.content).toContain('[projects."/work/a \\"b\\""]\ntrust_level = "trusted"\n');
  expect(files[0]?.content).toMatch(/^\[analytics\]\nenabled = false$/m);
  expect(files[0]?.content).not.toContain(placeholder);
});

test('without a key there is no login', () => {
  expect(codex.homeFiles({ project: '/p', placeholders: {} }).map(({ path }) => path)).toEqual(['.codex/config.toml']);
});

test('works unattended with its events as JSON, and takes a model and a session to go on with', () => {
  const headless = codex.headless;
  const bypass = '--dangerously-bypass-approvals-and-sandbox';
  expect(headless?.argv(['codex'], { args: [] })).toEqual([
    ...['codex', 'exec', '--json', '--skip-git-repo-check', bypass, '-'],
  ]);
  expect(headless?.argv(['codex'], { model: 'gpt-5.5', resume: '01a22a8c', args: ['-s', 'read-only'] })).toEqual([
    ...['codex', 'exec', 'resume', '--json', '--skip-git-repo-check', '--model=gpt-5.5', '-s', 'read-only'],
    ...['01a22a8c', '-'],
  ]);
});
