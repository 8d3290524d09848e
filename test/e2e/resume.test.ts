// A run that goes on with the session of another one: the real Claude Code, its vendor a scripted server on loopback.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const KEY = 'sk-ant-api03-the-real-one-5f4dcc3b5aa765d61d83';
const FIRST = 'write down the number 71';
const SECOND = 'which number was it?';

const runsSchema = z.array(
  z.looseObject({
    id: z.string(),
    sessionId: z.string(),
    resumes: z.string().nullable(),
    costUsd: z.number(),
    inputTokens: z.number(),
    outputTokens: z.number(),
  }),
);
const resultSchema = z.looseObject({
  type: z.literal('result'),
  session_id: z.string(),
  total_cost_usd: z.number(),
  usage: z.looseObject({ input_tokens: z.number(), output_tokens: z.number() }),
});

let sandbox: Sandbox;
let server: ModelServer;
beforeAll(async () => {
  sandbox = openSandbox();
  server = await startModelServer({
    apiKey: KEY,
    script: [
      { text: 'I write it.', tools: [{ name: 'Bash', input: { command: 'echo 71 >number', description: 'write' } }] },
      { text: 'It is 71.' },
    ],
  });
});
afterAll(async () => {
  await sandbox.close();
  await server.close();
});

function launch(...args: string[]): Promise<CliResult> {
  return sandbox.run(['launch', ...args], { cwd: join(sandbox.directory, 'p'), env: { ANTHROPIC_API_KEY: KEY } });
}

/** The last line that the agent itself wrote. */
async function resultOf(id: string): Promise<z.infer<typeof resultSchema>> {
  const { stdout } = await sandbox.run(['logs', id, '--raw']);
  return resultSchema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? ''));
}

test('the second run knows what the first one did, and each has its own price', async () => {
  sandbox.project('p');
  const caFile = join(sandbox.directory, 'ca.pem');
  writeFileSync(caFile, server.caPem);
  const route = `api.anthropic.com=127.0.0.1:${server.port},ca=${caFile}`;
  const one = await launch('--agent', 'claude', '--name', 'p', '--route', route, '-p', FIRST);
  expect(one.exitCode, one.stderr).toBe(0);
  const [first] = runsSchema.parse((await sandbox.run(['runs', 'p', '--json'])).json());
  if (first === undefined) throw new Error('there is no run');
  const before = server.requests.length;
  const two = await launch('--resume', first.id, '-p', SECOND);
  expect(two.exitCode, two.stderr).toBe(0);
  const second = runsSchema.parse((await sandbox.run(['runs', 'p', '--json'])).json()).at(-1);
  expect(second).toMatchObject({ status: 'done', resumes: first.id, sessionId: first.sessionId });
  if (second === undefined) throw new Error('there is no second run');

  // The model was told all that was said before.
  const asked = server.requests.slice(before).filter(({ path, side }) => path.startsWith('/v1/messages') && !side);
  expect(asked).toHaveLength(1);
  for (const text of [FIRST, SECOND, 'echo 71 >number']) expect(asked[0]?.body).toContain(text);

  // The agent’s own sum is that of the session; that of the run is told, and both together make it up.
  const [own, session] = [await resultOf(first.id), await resultOf(second.id)];
  expect(session.session_id).toBe(own.session_id);
  expect(first.costUsd).toBeCloseTo(own.total_cost_usd, 6);
  expect(second.costUsd).toBeGreaterThan(0);
  expect(first.costUsd + second.costUsd).toBeCloseTo(session.total_cost_usd, 6);
  expect(second).toMatchObject({
    inputTokens: session.usage.input_tokens,
    outputTokens: session.usage.output_tokens,
  });
});

test('a run stops by itself when it has cost what it may, and what its session cost before does not count', async () => {
  const asked = (): number =>
    server.requests.filter(({ path, side }) => path.startsWith('/v1/messages') && !side).length;
  const ofCage = async (): Promise<z.infer<typeof runsSchema>> =>
    runsSchema.parse((await sandbox.run(['runs', 'p', '--json'])).json());
  const [first] = await ofCage();
  if (first === undefined) throw new Error('there is no run');
  const before = asked();
  const short = await launch('p', '--agent', 'claude', '--max-cost', '0.0001', '-p', FIRST);
  // It ends by itself, unless who watches it from outside is quicker.
  expect([1, 143]).toContain(short.exitCode);
  expect(short.stdout).toContain('Reached maximum budget ($0.0001)');
  // Its second question, with what its tool gave, was not asked any more.
  expect(asked() - before).toBe(1);
  expect((await ofCage()).at(-1)).toMatchObject({ reason: { code: 'budget-cost' } });
  const resumed = await launch('--resume', first.id, '--max-cost', first.costUsd.toFixed(4), '-p', SECOND);
  expect(resumed.exitCode, resumed.stderr).toBe(0);
});

test('a run of no session, of another agent or of another cage is not gone on with', async () => {
  const plain = await launch('p', '--agent', 'shell', '-p', 'true');
  expect(plain.exitCode, plain.stderr).toBe(0);
  const runs = z.array(z.looseObject({ id: z.string() })).parse((await sandbox.run(['runs', 'p', '--json'])).json());
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined) throw new Error('there are no runs');
  expect((await launch('--resume', last.id, '-p', 'x')).stderr).toContain('has no sessions to go on with');
  expect((await launch('--resume', first.id, '--agent', 'shell', '-p', 'x')).stderr).toContain(
    'is one of claude, not of shell',
  );
  expect((await launch('other', '--resume', first.id, '-p', 'x')).stderr).toContain('is one of the cage p');
});
