// Rules, secrets and the record of a cage that runs: every change is live, confirmed, and visible in what a client inside
// gets. The world is one TLS server on loopback that the cage reaches under the name shop.example.
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';

const VALUE = 'real-value-5f0c1d';
const CAGE = 'desk';

let sandbox: Sandbox;
let origin: Origin;
const arrived: string[] = [];
beforeAll(async () => {
  sandbox = openSandbox();
  const world = await createWorld();
  origin = await startOrigin(world, 'shop.example', (request, response) => {
    arrived.push(`${request.method} ${request.url} ${request.headers.authorization ?? '-'}`);
    response.end(`you sent ${request.headers.authorization ?? 'nothing'}\n`);
  });
  const caFile = join(sandbox.directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const stored = await sandbox.run(['secret', 'set', 'SHOP_TOKEN', '--host', 'shop.example'], { input: 'first-value' });
  expect(stored.exitCode).toBe(0);
  const route = `shop.example=127.0.0.1:${origin.port},ca=${caFile}`;
  const args = ['create', sandbox.project('p'), '--name', CAGE, '--route', route, '--secret', 'SHOP_TOKEN'];
  expect((await sandbox.run(args)).exitCode).toBe(0);
  expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
});
afterAll(async () => {
  await sandbox.close();
  await origin.close();
});

/** What curl inside prints, its status on the last line. */
async function curl(...args: string[]): Promise<string> {
  const inside = ['curl', '-sS', '--max-time', '20', '-w', '\n%{http_code}', ...args];
  return (await sandbox.run(['exec', CAGE, '--', ...inside])).stdout.trim();
}

async function ok(...args: string[]): Promise<CliResult> {
  const result = await sandbox.run(args);
  expect(result.stderr).not.toContain('error[');
  expect(result.exitCode).toBe(0);
  return result;
}

test('what no rule allows is refused, with the rule and the remedy in the answer', async () => {
  const refused = await curl('https://shop.example/a');
  expect(refused).toMatch(/\n403$/);
  expect(JSON.parse(refused.slice(0, refused.lastIndexOf('\n')))).toMatchObject({
    rule: expect.any(String),
    reason: expect.any(String),
    remedy: expect.stringContaining('ironcage policy allow'),
  });
  expect(arrived).toEqual([]);
});

test('policy test answers 1 for what would be refused, and names the rule', async () => {
  const asked = await sandbox.run(['policy', 'test', CAGE, 'GET', 'https://shop.example/a', '--json']);
  expect(asked.exitCode).toBe(1);
  expect(asked.json()).toMatchObject({ decision: 'deny', rule: expect.any(String), remedy: expect.any(String) });
});

test('an allow rule is confirmed by the running egress and works without a restart', async () => {
  const before = readFileSync(join(sandbox.dataRoot, 'cages', CAGE, 'state.json'), 'utf8');
  expect(pidsOf(before)).toHaveLength(3);
  const allowed = await ok('policy', 'allow', CAGE, 'GET shop.example/**', '--json');
  expect(allowed.json()).toMatchObject({ cage: CAGE, confirmed: true, generation: 2, hash: expect.any(String) });
  expect(await curl('https://shop.example/a')).toBe('you sent nothing\n\n200');
  expect(arrived).toEqual(['GET /a -']);
  const shown = await ok('policy', 'show', CAGE, '--json');
  expect(shown.json()).toMatchObject({ mode: 'filtered', generation: 2, confirmed: true });
  expect(await curl('-X', 'POST', 'https://shop.example/a')).toMatch(/\n403$/);
  expect(pidsOf(readFileSync(join(sandbox.dataRoot, 'cages', CAGE, 'state.json'), 'utf8'))).toEqual(pidsOf(before));
});

test('the cage holds a placeholder, the server receives the value, and the answer is redacted', async () => {
  const echoed = await ok('exec', CAGE, '--', 'sh', '-c', 'echo "$SHOP_TOKEN"');
  expect(echoed.stdout).toMatch(/^ironcage-/);
  arrived.length = 0;
  const answer = await ok(
    ...['exec', CAGE, '--', 'sh', '-c'],
    'curl -sS -H "authorization: Bearer $SHOP_TOKEN" https://shop.example/b',
  );
  expect(arrived).toEqual(['GET /b Bearer first-value']);
  expect(answer.stdout).not.toContain('first-value');
  expect(answer.stdout).toMatch(/^you sent /);
});

test('a secret that is set again takes effect in the running cage', async () => {
  const stored = await sandbox.run(['secret', 'set', 'SHOP_TOKEN', '--host', 'shop.example', '--json'], {
    input: `${VALUE}\n`,
  });
  expect(stored.json()).toEqual({ name: 'SHOP_TOKEN', cage: null, stored: true });
  arrived.length = 0;
  await ok('exec', CAGE, '--', 'sh', '-c', 'curl -sS -H "authorization: Bearer $SHOP_TOKEN" https://shop.example/c');
  expect(arrived).toEqual([`GET /c Bearer ${VALUE}`]);
});

test('secret list shows names and hosts and never a value', async () => {
  const listed = await ok('secret', 'list', '--json');
  expect(listed.json()).toMatchObject([{ name: 'SHOP_TOKEN', hosts: ['shop.example'] }]);
  for (const args of [
    ['secret', 'list'],
    ['show', CAGE, '--json'],
    ['audit', CAGE, '--json'],
  ]) {
    expect((await ok(...args)).stdout).not.toContain(VALUE);
  }
});

test('the audit has one record a request, filters it, sums it up, and its chain holds', async () => {
  const records = (await ok('audit', CAGE, '--json')).records();
  expect(records.find((record) => JSON.stringify(record).includes('"path":"/a"'))).toMatchObject({
    seq: expect.any(Number),
    time: expect.any(String),
    cage: CAGE,
    direction: expect.any(String),
    protocol: expect.any(String),
    method: 'GET',
    host: 'shop.example',
    port: 443,
    path: '/a',
    decision: 'deny',
    rule: expect.any(String),
    inspectors: expect.any(Array),
    bytesOut: expect.any(Number),
    bytesIn: expect.any(Number),
    secrets: [],
    prev: expect.any(String),
    hash: expect.any(String),
  });
  const withSecret = (await ok('audit', CAGE, '--json', '--decision', 'allow')).records();
  expect(withSecret).toContainEqual(expect.objectContaining({ path: '/c', secrets: ['SHOP_TOKEN'] }));
  expect((await ok('audit', CAGE, '--json', '--host', 'other.example')).records()).toEqual([]);
  expect((await ok('audit', CAGE, '-n', '1', '--json')).records()).toHaveLength(1);
  expect((await ok('audit', CAGE, '--summary', '--json')).json()).toEqual(expect.anything());
  expect((await ok('audit', CAGE, '--verify', '--json')).json()).toMatchObject({
    ok: true,
    records: expect.any(Number),
  });
});

test('audit -f prints a request as it happens', async () => {
  const { child, result } = sandbox.start(['audit', CAGE, '-f', '--json', '--since', '1m']);
  let seen = '';
  child.stdout?.on('data', (text) => (seen += String(text)));
  await until('the records so far', () => seen.includes('"/c"'));
  await curl('https://shop.example/live');
  await until('the record of the new request', () => seen.includes('"/live"'));
  child.kill('SIGINT');
  await result;
});

test('a denied path goes before an allowed host, and policy rm takes the rule back', async () => {
  await ok('policy', 'deny', CAGE, 'GET shop.example/private/**');
  expect(await curl('https://shop.example/private/x')).toMatch(/\n403$/);
  expect(await curl('https://shop.example/public')).toMatch(/\n200$/);
  const shown: unknown = (await ok('policy', 'show', CAGE, '--json')).json();
  const removed = await ok('policy', 'rm', CAGE, idOf(shown, 'deny'), '--json');
  expect(removed.json()).toMatchObject({ confirmed: true });
  expect(await curl('https://shop.example/private/x')).toMatch(/\n200$/);
});

test('rules and generation survive a restart', async () => {
  const before = (await ok('policy', 'show', CAGE, '--json')).json();
  await ok('restart', CAGE);
  expect((await ok('policy', 'show', CAGE, '--json')).json()).toEqual(before);
  expect(await curl('https://shop.example/again')).toMatch(/\n200$/);
});

test('a rule that is none is refused with a hint, and nothing changes', async () => {
  const before = (await ok('policy', 'show', CAGE, '--json')).json();
  for (const rule of ['http://', 'GET', '**', 'a b c d', '*.com', '']) {
    const refused = await sandbox.run(['policy', 'allow', '--cage', CAGE, rule, '--json']);
    expect(refused.exitCode, rule).toBe(2);
    expect(refused.told(), rule).toMatchObject({ error: { hint: expect.stringMatching(/./) } });
  }
  expect((await sandbox.run(['policy', 'rm', CAGE, 'nothing-like-it'])).exitCode).toBe(2);
  expect((await ok('policy', 'show', CAGE, '--json')).json()).toEqual(before);
});

test('verify --attack finds every protection in place', async () => {
  const verified = await sandbox.run(['verify', CAGE, '--attack', '--json']);
  expect(failedProbes(verified.json())).toEqual([]);
  expect(verified.json()).toMatchObject({ cage: CAGE, ok: true });
  expect(verified.exitCode).toBe(0);
  expect(verified.stdout).toContain('secrets.absent.SHOP_TOKEN');
  expect(verified.stdout).not.toContain(VALUE);
});

test('doctor finds nothing wrong with a machine on which all this works', async () => {
  const report = await sandbox.run(['doctor', '--json']);
  expect(report.json()).toMatchObject({
    ok: true,
    checks: expect.arrayContaining([expect.objectContaining({ id: `cage.${CAGE}`, status: 'ok' })]),
  });
  expect(report.exitCode).toBe(0);
});

test('a secret that is taken away is gone for the running cage too', async () => {
  await ok('secret', 'rm', 'SHOP_TOKEN');
  arrived.length = 0;
  await sandbox.run([
    'exec',
    CAGE,
    '--',
    'sh',
    '-c',
    'curl -sS -H "authorization: Bearer $SHOP_TOKEN" https://shop.example/d',
  ]);
  expect(arrived.join()).not.toContain(VALUE);
  expect((await sandbox.run(['secret', 'rm', 'SHOP_TOKEN'])).exitCode).toBe(2);
});

test('a record that was tampered with is found, and verify says no', async () => {
  await ok('stop', CAGE);
  const directory = join(sandbox.dataRoot, 'cages', CAGE, 'egress/audit');
  const file = readdirSync(directory).find((name) => name.endsWith('.jsonl'));
  expect(file).toBeDefined();
  const path = join(directory, file ?? '');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('"decision":"deny"', '"decision":"allow"'));
  const broken = await sandbox.run(['audit', CAGE, '--verify', '--json']);
  expect(broken.exitCode).toBe(1);
  expect(broken.json()).toMatchObject({ ok: false, line: expect.any(Number) });
  writeFileSync(path, text);
  appendFileSync(path, '{"half');
  expect((await sandbox.run(['audit', CAGE, '--verify', '--json'])).exitCode).toBe(1);
});

function pidsOf(state: string): unknown {
  return [...state.matchAll(/"(egress|holder|init)":\{"pid":(\d+)/g)].map(([, role, pid]) => `${role} ${pid}`);
}

function failedProbes(verification: unknown): unknown[] {
  const { probes }: { probes: { ok: boolean }[] } = JSON.parse(JSON.stringify(verification));
  return probes.filter(({ ok: held }) => !held);
}

function idOf(policy: unknown, effect: string): string {
  expect(policy).toMatchObject({ rules: expect.any(Array) });
  const { rules }: { rules: { id: string; effect: string }[] } = JSON.parse(JSON.stringify(policy));
  return rules.find((rule) => rule.effect === effect)?.id ?? '';
}
