import { expect, test } from 'vitest';
import { runCli, WAITING } from '../../../test/support/cli-host.ts';
import type { Library } from '../library.ts';

test('--list shows all that a person needs to know, the host in both forms', async () => {
  const { stdout } = await runCli(['approve', '--list']);
  for (const text of [
    'POST https://xn--bcher-kva.example/v1?q=1 (2 times)',
    'bücher.example',
    '12 bytes application/json',
    'curl -d @x  (7, in /work)',
    '<ask>: no rule allows this request',
    "policy allow 'POST xn--bcher-kva.example/v1 max-query=32'",
    "policy deny 'POST x'",
    WAITING.id,
  ]) {
    expect(stdout.replace(/ +/g, ' ')).toContain(text.replace(/ +/g, ' '));
  }
});

test.each([
  ['--once', 'once'],
  ['--for-cage', 'cage'],
  ['--always', 'always'],
  ['--deny', 'deny'],
  ['--deny-for-cage', 'deny-cage'],
])('%s ID answers and ends', async (option, answer) => {
  const { calls, exitCode } = await runCli(['approve', option, WAITING.id]);
  expect(calls).toContainEqual(['answerRequest', 'shop-1', WAITING.id, answer, {}]);
  expect(exitCode).toBe(0);
});

test('an id that does not wait any more is exit code 1 and says why', async () => {
  const { stdout, exitCode } = await runCli(['approve', '--once', 'ffffffffffff', '--json']);
  expect(JSON.parse(stdout)).toEqual({
    cage: 'shop-1',
    id: 'ffffffffffff',
    ok: false,
    message: 'no request of that id waits',
  });
  expect(exitCode).toBe(1);
});

test('a rule of one’s own goes with an answer that adds one, and with no other', async () => {
  const { calls } = await runCli(['approve', '--for-cage', WAITING.id, '--rule', 'x.example']);
  expect(calls).toContainEqual(['answerRequest', 'shop-1', WAITING.id, 'cage', { rule: 'x.example' }]);
  expect((await runCli(['approve', '--once', WAITING.id, '--rule', 'x.example'])).exitCode).toBe(2);
  expect((await runCli(['approve', '--rule', 'x.example'])).exitCode).toBe(2);
  expect((await runCli(['approve', '--once', WAITING.id, '--deny', WAITING.id])).exitCode).toBe(2);
});

test('--json tells what waits and how it ended, one document a line', async () => {
  const { stdout } = await runCli(['approve', '--json']);
  const lines = stdout.trim().split('\n');
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { event: 'asked', request: { id: WAITING.id, url: WAITING.url } },
    { event: 'closed', id: WAITING.id, outcome: 'once', by: 'ann' },
  ]);
});

test('without a terminal there is nobody to ask', async () => {
  const { stderr, exitCode } = await runCli(['approve']);
  expect(stderr).toContain('no terminal');
  expect(exitCode).toBe(2);
});

test('a request from inside a cage cannot steer the terminal', async () => {
  const library: Partial<Library> = {
    waitingRequests: async () => [{ ...WAITING, url: 'https://x.example/\u001b[2J\u202e' }],
  };
  const { stdout } = await runCli(['approve', '--list'], { library });
  expect(stdout).toContain(String.raw`/\x1b[2J\u{202e}`);
});
