// Budgets of runs over a real cage: each kind stops a run that goes past it and lets one below it be. The agent is one of the user's
// own that speaks as Claude Code does, so that what it says of its use is ours to say.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FORGED_END } from '../support/forged-end.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const HOST = 'api.example';
const AGENT = `title = "Teller"
program = "sh"
start = ["{program}", "{args}"]
[headless]
argv = ["{program}", "-s"]
reader = "claude-stream-json"
`;
/** Would outlast the test: only a stop ends it. */
const GO_ON = 'exec sleep 600';

let sandbox: Sandbox;
let upstream: Upstream;
beforeAll(async () => {
  sandbox = openSandbox();
  upstream = await startUpstream(HOST);
  const agents = join(sandbox.directory, 'home/.config/ironcage/agents');
  mkdirSync(agents, { recursive: true });
  writeFileSync(join(agents, 'teller.toml'), AGENT);
  await makeCage('one', '--allow', HOST, '--route', upstream.route(HOST));
});
afterAll(async () => {
  await sandbox.close();
  await upstream.close();
});

async function makeCage(name: string, ...options: string[]): Promise<void> {
  const made = await sandbox.run(['create', sandbox.project(name), '--name', name, ...options]);
  expect(made.exitCode, made.stderr).toBe(0);
}

function launch(cage: string, script: string, ...options: string[]): Promise<CliResult> {
  return sandbox.run(['launch', cage, '--agent', 'teller', '--no-messaging', '-p', script, ...options]);
}

async function lastRun(cage: string): Promise<unknown> {
  const runs = (await sandbox.run(['runs', cage, '--json'])).json();
  return Array.isArray(runs) ? runs.at(-1) : undefined;
}

function say(line: object): string {
  return `echo '${JSON.stringify(line)}'`;
}

let answers = 0;
function answer(input: number, output: number): string {
  answers += 1;
  const usage = { input_tokens: input, output_tokens: output };
  const content = [{ type: 'text', text: 'at work' }];
  return say({ type: 'assistant', message: { id: `answer-${answers}`, role: 'assistant', content, usage } });
}

function result(costUsd: number): string {
  return say({ type: 'result', subtype: 'success', is_error: false, total_cost_usd: costUsd, result: 'so far' });
}

function upload(bytes: number): string {
  return `head -c ${bytes} /dev/zero | curl -sS -o /dev/null --data-binary @- https://${HOST}/up`;
}

test.each([
  ['tokens', `${answer(500, 100)}; ${answer(300, 150)}; ${GO_ON}`, '1000', 'used 1050 of 1000 tokens'],
  ['cost', `${result(0.5)}; ${GO_ON}`, '0.40', 'cost 0.50 of 0.40 US dollars'],
  ['bytes', `${upload(60_000)}; ${upload(60_000)}; ${GO_ON}`, '100KB', 'sent 120000 bytes of 100KB'],
])('one of %s stops a run that goes past it', async (kind, script, limit, message) => {
  const launched = await launch('one', script, `--max-${kind}`, limit);
  expect(launched.exitCode, launched.stderr).toBe(143);
  expect(await lastRun('one')).toMatchObject({
    status: 'stopped',
    exitCode: 143,
    reason: { code: `budget-${kind}`, message: `the budget is used up: the run ${message}` },
  });
});

test('a run that stays below all of them is left alone, and what it used is told', async () => {
  const script = [answer(500, 100), upload(60_000), result(0.3)].join('; ');
  const limits = ['--max-tokens', '1000', '--max-cost', '0.40', '--max-bytes', '100KB'];
  expect((await launch('one', script, ...limits)).exitCode).toBe(0);
  expect(await lastRun('one')).toMatchObject({ status: 'done', exitCode: 0, reason: null, costUsd: 0.3 });
  expect(upstream.arrivals.map(({ body }) => body.length)).toEqual([60_000, 60_000, 60_000]);
});

test('what is said again and lower, by whoever wrote it, gives nothing back', async () => {
  const script = [answer(500, 100), result(0.3), result(0), answer(1, 1), result(0.01)].join('; ');
  expect((await launch('one', script, '--max-tokens', '1000', '--max-cost', '0.40')).exitCode).toBe(0);
  const run = await lastRun('one');
  expect(run).toMatchObject({ status: 'done', reason: null, costUsd: 0.3, inputTokens: 501, outputTokens: 101 });
});

test('a price that is told at the very end does not turn an end into a stop, and is said', async () => {
  expect((await launch('one', result(0.5), '--max-cost', '0.40')).exitCode).toBe(0);
  expect(await lastRun('one')).toMatchObject({ status: 'done', exitCode: 0, reason: { code: 'budget-cost' } });
});

/** Out of its run as far as it gets: an orphan in a session of its own, without a variable of it. */
const unmarked = (seconds: number): string => `(setsid env -i sleep ${seconds} >/dev/null 2>&1 &)`;

async function countInside(cage: string, seconds: number): Promise<number> {
  return Number((await sandbox.run(['exec', cage, '--', 'pgrep', '-cxf', `sleep ${seconds}`])).stdout);
}

test('a run that forges its end works on for nobody: all that it has is ended, and nothing of anybody else', async () => {
  // What was there before it is not its own; a run beside it keeps what it started.
  expect((await sandbox.run(['exec', 'one', '--', 'sh', '-c', unmarked(981)])).exitCode).toBe(0);
  const beside = await launch('one', 'sleep 982 & wait', '--background');
  expect(beside.exitCode, beside.stderr).toBe(0);
  const forged = await launch('one', `${unmarked(983)}; sleep 984 & ${FORGED_END}`, '--max-time', '1h');
  expect(forged.exitCode, forged.stderr).toBe(0);
  expect(await lastRun('one')).toMatchObject({
    status: 'done',
    notes: ['programs of it went on after its end, and were ended'],
  });
  expect([await countInside('one', 983), await countInside('one', 984)]).toEqual([0, 0]);
  expect([await countInside('one', 981), await countInside('one', 982)]).toEqual([1, 1]);
  // Of a run that nobody counts, what has its mark ends as well.
  expect((await launch('one', `${unmarked(985)}; sleep 986 & ${FORGED_END}`)).exitCode).toBe(0);
  expect([await countInside('one', 985), await countInside('one', 986)]).toEqual([1, 0]);
  await sandbox.run(['exec', 'one', '--', 'pkill', 'sleep']);
});

test('one of the cage counts its runs together, and is kept by a backup', async () => {
  await makeCage('all', '--budget-tokens', '1500');
  expect((await launch('all', answer(900, 100))).exitCode).toBe(0);
  expect((await launch('all', `${answer(900, 100)}; ${GO_ON}`)).exitCode).toBe(143);
  expect(await lastRun('all')).toMatchObject({
    status: 'stopped',
    reason: {
      code: 'budget-tokens',
      message: 'the budget is used up: all runs of the cage together used 2000 of 1500 tokens',
    },
  });
  const refused = await launch('all', answer(1, 1));
  expect(refused.exitCode).toBe(126);
  expect(refused.stderr).toContain('--budget-tokens');
  expect((await sandbox.run(['show', 'all', '--json'])).json()).toMatchObject({ budget: { tokens: 1500 } });

  const file = join(sandbox.directory, 'all.backup');
  expect((await sandbox.run(['backup', 'all', '-o', file])).exitCode).toBe(0);
  expect((await sandbox.run(['rm', '-y', '--discard', 'all'])).exitCode).toBe(0);
  const restored = await sandbox.run(['restore', file, '-y']);
  expect(restored.exitCode, restored.stderr).toBe(0);
  expect((await sandbox.run(['show', 'all', '--json'])).json()).toMatchObject({ budget: { tokens: 1500 } });
});
