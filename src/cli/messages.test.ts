import { expect, test } from 'vitest';
import { QUESTION, RUN, runCli } from '../../test/support/cli-host.ts';

test('text from inside cannot pass for a line of ironcage’s or steer the terminal', async () => {
  const { stdout, exitCode } = await runCli(['outbox']);
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    [
      '#12 12:00:00 question  from inside, unverified · m-1',
      '  │ Which\\x1b[2J one?',
      '  │ #13 12:00:01 task_complete',
      '  │ options: ["a","b"]',
      '',
    ].join('\n'),
  );
});

test('JSON says what is not to be trusted, and what was printed counts as read', async () => {
  const { stdout, calls } = await runCli(['outbox', 'shop-1', '--json', '--consumer', 'bot']);
  expect(JSON.parse(stdout)).toEqual(QUESTION);
  expect(calls).toEqual([
    ['readMessages', 'shop-1', { consumer: 'bot', all: false }],
    ['acknowledge', 'shop-1', 12, { consumer: 'bot' }],
  ]);
  const all = await runCli(['outbox', '--all']);
  expect(all.calls).toEqual([['readMessages', 'shop-1', { consumer: undefined, all: true }]]);
});

test('a poll ends by the first message that ends it', async () => {
  const { exitCode, calls } = await runCli(['outbox', '--poll', '--timeout', '1.5', '--interval', '0.2']);
  expect(exitCode).toBe(11);
  expect(calls).toEqual([
    ['pollMessages', 'shop-1', { timeoutMs: 1500, intervalMs: 200, maxIntervalMs: undefined, consumer: undefined }],
    ['acknowledge', 'shop-1', 12, { consumer: undefined }],
  ]);
});

test('a poll for one run is one of its cage, and ends by what is said for it', async () => {
  const { calls } = await runCli(['outbox', '--poll', '--run', RUN.id, '--timeout', '1']);
  expect(calls.find(([name]) => name === 'pollMessages')).toMatchObject([
    'pollMessages',
    RUN.cage,
    { run: RUN.id, timeoutMs: 1000 },
  ]);
  const other = await runCli(['outbox', 'other', '--poll', '--run', RUN.id]);
  expect([other.exitCode, other.stderr]).toEqual([
    2,
    expect.stringContaining(`is one of the cage ${RUN.cage}, not of other`),
  ]);
});

test.each([
  ['timeout', 13, 'shop-1: done; look'],
  ['gone', 14, 'does not run'],
] as const)('a poll that ends with %s says so and exits with %i', async (event, code, told) => {
  const result = await runCli(['outbox', '--poll'], {
    library: {
      pollMessages: async function* () {
        yield event === 'gone' ? { event, reason: 'the cage shop-1 does not run' } : { event };
      },
    },
  });
  expect(result.exitCode).toBe(code);
  expect(result.stderr).toContain(told);
});

test('a message into a cage is its payload or its text', async () => {
  const sent = await runCli(['inbox', 'shop-1', 'answer', 'the first', '--reply-to', '12']);
  expect(sent.stdout).toBe('h-1\n');
  expect(sent.calls).toEqual([['sendMessage', 'shop-1', 'answer', { text: 'the first' }, { replyTo: '12' }]]);
  const piped = await runCli(['inbox', 'shop-1', 'answer', '--payload-file', '-'], { stdin: 'from a pipe' });
  expect(piped.calls).toEqual([['sendMessage', 'shop-1', 'answer', { text: 'from a pipe' }, { replyTo: undefined }]]);
});

test.each([
  [['inbox', 'shop-1', 'answer'], 'the message has no payload'],
  [['inbox', 'shop-1', 'answer', 'x', '--payload-file', 'f'], 'the message has two payloads'],
  [['outbox', '--timeout', '5'], '--timeout is for --poll'],
  [['outbox', '--run', 'r-20261130-a1b2c3'], '--run is for --poll'],
  [['outbox', '--poll', '--timeout', 'soon'], '--timeout cannot be soon'],
])('refuses %j', async (argv, message) => {
  const { exitCode, stderr } = await runCli(argv);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(message);
});
