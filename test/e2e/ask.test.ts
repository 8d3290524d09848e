// A cage that asks (`--net ask`): a person at a terminal, a script and the library answer what waits, what they are shown is
// what the egress holds, and nothing passes before. The world is one TLS server on loopback under the name shop.example.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { approvals, openContext } from '../../src/index.ts';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { runOnPty, type PtyProgram } from '../support/pty.ts';
import { openSandbox, PROGRAM, until, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'asking';

let sandbox: Sandbox;
let origin: Origin;
const arrived: string[] = [];

beforeAll(async () => {
  sandbox = openSandbox();
  const world = await createWorld();
  origin = await startOrigin(world, 'shop.example', (request, response) => {
    arrived.push(`${request.method} ${request.url}`);
    response.end('from the shop\n');
  });
  const caFile = join(sandbox.directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const route = `shop.example=127.0.0.1:${origin.port},ca=${caFile}`;
  const args = ['create', sandbox.project('p'), '--name', CAGE, '--route', route, '--net', 'ask'];
  expect((await sandbox.run(args)).stderr).not.toContain('error[');
  expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
});
afterAll(async () => {
  await sandbox.close();
  await origin.close();
});

/** Asks from inside; the status is on the last line of what curl prints. */
function curl(...args: string[]): Promise<CliResult> {
  const inside = ['curl', '-sS', '--max-time', '60', '-w', '\n%{http_code}', ...args];
  return sandbox.run(['exec', CAGE, '--', ...inside]);
}

interface Waiting {
  id: string;
  url: string;
  method: string;
  process?: { pid: number; argv: string[]; cwd: string };
  rules: { allow: string; deny: string; wider: string[] };
}

async function waiting(): Promise<Waiting[]> {
  const listed: Waiting[] = JSON.parse((await sandbox.run(['approve', CAGE, '--list', '--json'])).stdout);
  return listed;
}

/** The one request that waits for a path, once it does. */
async function waitFor(path: string): Promise<Waiting> {
  let found: Waiting | undefined;
  await until(`a request for ${path}`, async () => {
    found = (await waiting()).find(({ url }) => url.includes(path));
    return found !== undefined;
  });
  if (found === undefined) throw new Error('it vanished');
  return found;
}

function approveAtTerminal(): PtyProgram {
  const env = Object.fromEntries(
    Object.entries(sandbox.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  return runOnPty([process.execPath, PROGRAM, 'approve', CAGE], env, sandbox.directory);
}

test('a request waits, shows the process that asks, and passes once when a script says so', async () => {
  arrived.length = 0;
  const asked = curl('-X', 'POST', '-d', 'abc', 'https://shop.example/first?q=1');
  const request = await waitFor('/first');
  expect(arrived).toEqual([]);
  expect(request).toMatchObject({
    method: 'POST',
    url: 'https://shop.example/first?q=1',
    process: { pid: expect.any(Number), argv: expect.arrayContaining(['curl', 'https://shop.example/first?q=1']) },
    rules: { allow: 'POST shop.example/first max-query=32', deny: 'POST shop.example/first' },
  });
  expect(request.process?.cwd).toBe(join(sandbox.directory, 'p'));
  const answered = await sandbox.run(['approve', CAGE, '--once', request.id, '--json']);
  expect(answered.json()).toEqual({ cage: CAGE, id: request.id, ok: true });
  expect((await asked).stdout).toBe('from the shop\n\n200');
  expect(arrived).toEqual(['POST /first?q=1']);
  const late = await sandbox.run(['approve', CAGE, '--deny', request.id]);
  expect(late.exitCode).toBe(1);
  expect(late.stdout).toContain('it was let pass already');
});

test('a no is a refusal that says so, and the record has the question and the answer', async () => {
  arrived.length = 0;
  const asked = curl('https://shop.example/second');
  const { id } = await waitFor('/second');
  await sandbox.run(['approve', CAGE, '--deny', id]);
  const { stdout } = await asked;
  expect(stdout).toMatch(/\n403$/);
  expect(stdout).toContain('<asked>');
  expect(arrived).toEqual([]);
  const records = (await sandbox.run(['audit', CAGE, '--json'])).records();
  const about = (path: string) => records.filter((record) => JSON.stringify(record).includes(`"path":"${path}`));
  expect(about('/second')).toMatchObject([
    { decision: 'ask', rule: '<ask>' },
    { decision: 'deny', rule: '<asked>' },
  ]);
  expect(about('/first')).toMatchObject([{ decision: 'ask' }, { decision: 'allow', rule: '<asked>' }]);
});

test('an answer for the cage is the narrowest rule: the same passes from then on, and a neighbour asks again', async () => {
  const asked = curl('https://shop.example/third');
  const { id, rules } = await waitFor('/third');
  const answered = await sandbox.run(['approve', CAGE, '--for-cage', id, '--json']);
  expect(answered.json()).toMatchObject({ ok: true, rule: rules.allow });
  expect((await asked).stdout).toMatch(/\n200$/);
  expect((await curl('https://shop.example/third')).stdout).toMatch(/\n200$/);
  const neighbour = curl('https://shop.example/third/x');
  const other = await waitFor('/third/x');
  await sandbox.run(['approve', CAGE, '--deny-for-cage', other.id]);
  expect((await neighbour).stdout).toMatch(/deny:GET shop\.example\/third\/x[^]*403$/);
  expect(await waiting()).toEqual([]);
});

test('a person at a terminal sees what waits and answers it, and what somebody else answers goes away', async () => {
  const program = approveAtTerminal();
  await program.until(/Ctrl-C leaves/);
  const one = curl('https://shop.example/fourth');
  await program.until(/GET https:\/\/shop\.example\/fourth[^]*\[n\]ext:/);
  program.type('o\r');
  expect((await one).stdout).toMatch(/\n200$/);
  const two = curl('https://shop.example/fifth');
  await program.until(/GET https:\/\/shop\.example\/fifth[^]*\[n\]ext:/);
  const { id } = await waitFor('/fifth');
  await sandbox.run(['approve', CAGE, '--once', id]);
  await program.until(/let pass elsewhere/);
  expect((await two).stdout).toMatch(/\n200$/);
  program.type('\u0003');
  await program.ended;
});

test('what waits survives the terminal that showed it, and what a cage writes cannot steer the next', async () => {
  const hostile = '/tmp/\u001b[2J\u202e';
  const first = approveAtTerminal();
  const asked = curl('-o', hostile, 'https://shop.example/sixth');
  await first.until(/sixth[^]*\[n\]ext:/);
  first.type('\u0003');
  await first.ended;
  const second = approveAtTerminal();
  await second.until(/sixth[^]*\[n\]ext:/);
  second.type('d\r');
  await second.until(/done/);
  expect((await asked).stdout).toMatch(/403$/);
  second.type('\u0003');
  const { output } = await second.ended;
  expect(output).toContain(String.raw`/tmp/\x1b[2J\u{202e}`);
  expect(output).not.toContain('\u202e');
  expect(output).not.toContain('\u001b[2J');
});

test('a change of rules answers what it decides', async () => {
  const asked = curl('https://shop.example/seventh');
  await waitFor('/seventh');
  await sandbox.run(['policy', 'allow', CAGE, 'GET shop.example/seventh']);
  expect((await asked).stdout).toMatch(/\n200$/);
});

test('a client that gives up takes its question with it', async () => {
  const asked = curl('--max-time', '2', 'https://shop.example/eighth');
  await waitFor('/eighth');
  await asked;
  await until('the question to go', async () => (await waiting()).length === 0);
});

test('the library answers what it is told of, and its stream ends with its signal', async () => {
  const context = openContext({ home: sandbox.dataRoot, environment: { USER: 'ann' } });
  const asked = curl('https://shop.example/ninth');
  const stop = new AbortController();
  const events: string[] = [];
  for await (const event of approvals(context, CAGE, stop.signal)) {
    events.push(event.event);
    if (event.event === 'asked') expect(await event.answer('once')).toEqual({ ok: true, rule: undefined });
    else {
      expect(event).toMatchObject({ outcome: 'once', by: expect.stringMatching(/^ann \(uid \d+\)$/) });
      stop.abort();
    }
  }
  expect(events).toEqual(['asked', 'closed']);
  expect((await asked).stdout).toMatch(/\n200$/);
});

test('a script that watches is told what comes and how it ends, and ends with the cage', async () => {
  const watching = sandbox.start(['approve', CAGE, '--json']);
  const asked = curl('https://shop.example/tenth');
  const { id } = await waitFor('/tenth');
  await sandbox.run(['approve', CAGE, '--deny', id]);
  await asked;
  await sandbox.run(['stop', CAGE]);
  const watched = await watching.result;
  expect(watched.records()).toMatchObject([
    { event: 'asked', request: { id, url: 'https://shop.example/tenth' } },
    { event: 'closed', id, outcome: 'denied' },
  ]);
  expect(watched.exitCode).toBe(0);
  expect((await sandbox.run(['approve', CAGE, '--list'])).stderr).toContain('E_NOT_RUNNING');
});
