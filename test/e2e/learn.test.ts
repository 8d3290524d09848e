// A cage that learns (`--net learn`): what it did becomes a policy that lets exactly that pass again; what is not used is
// pruned; and a cage whose egress serves another policy than the cage has is put right before anything runs in it.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSpec, writeSpec } from '../../src/cage/store.ts';
import { openContext, type Context } from '../../src/index.ts';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'learning';
const HOST = 'shop.example';

let sandbox: Sandbox;
let origin: Origin;
let context: Context;

beforeAll(async () => {
  sandbox = openSandbox();
  const world = await createWorld();
  origin = await startOrigin(world, HOST, (_, response) => response.end('fine\n'));
  const caFile = join(sandbox.directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const route = `${HOST}=127.0.0.1:${origin.port},ca=${caFile}`;
  const made = await sandbox.run(['create', sandbox.project('p'), '--name', CAGE, '--route', route, '--net', 'learn']);
  expect(made.stderr).not.toContain('error[');
  expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
  context = openContext({ home: sandbox.dataRoot, environment: {} });
});
afterAll(async () => {
  await sandbox.close();
  await origin.close();
});

/** The status of a request from inside. */
async function status(method: string, path: string): Promise<string> {
  const inside = ['curl', '-sS', '--max-time', '20', '-o', '/dev/null', '-w', '%{http_code}', '-X', method];
  return (await sandbox.run(['exec', CAGE, '--', ...inside, `https://${HOST}${path}`])).stdout.trim();
}

const RECORDED = [
  ['GET', '/items/1'],
  ['GET', '/items/2'],
  ['GET', '/items/31?page=2'],
  ['POST', '/orders'],
  ['GET', '/about'],
] as const;

const NEIGHBOURS = [
  ['POST', '/items/1'],
  ['GET', '/orders'],
  ['GET', '/items/1/owner'],
  ['GET', '/about/us'],
  ['POST', '/orders?with=data'],
  ['GET', `/items/1?${'a'.repeat(40)}`],
  ['GET', '/'],
] as const;

test('what is recorded while learning becomes the smallest policy, and that lets the same pass and no neighbour', async () => {
  for (const [method, path] of RECORDED) expect(await status(method, path)).toBe('200');
  const learned = await sandbox.run(['policy', 'learn', CAGE, '--json']);
  expect(learned.json()).toMatchObject({
    mode: 'learn',
    requests: RECORDED.length,
    rules: [
      { text: 'GET shop.example/about max-query=0', present: [] },
      { text: 'GET shop.example/items/* max-query=32', requests: 3, present: [] },
      { text: 'POST shop.example/orders max-query=0', present: [] },
    ],
    leftOut: 0,
  });
  const applied = await sandbox.run(['policy', 'learn', CAGE, '--apply', '--json']);
  expect(applied.json()).toMatchObject({ mode: 'filtered', applied: { confirmed: true } });
  for (const [method, path] of RECORDED)
    expect([method, path, await status(method, path)]).toEqual([method, path, '200']);
  for (const [method, path] of NEIGHBOURS) {
    expect([method, path, await status(method, path)]).toEqual([method, path, '403']);
  }
  const again = await sandbox.run(['policy', 'learn', CAGE, '--json']);
  expect(again.json()).toMatchObject({ mode: 'filtered', requests: 2 * RECORDED.length });
});

test('rules that nothing used go after a yes, used ones and deny rules stay', async () => {
  const now = Date.now();
  const spec = await readSpec(context, CAGE);
  // As if the cage had been there for long, and its whole record with it.
  writeSpec(context, { ...spec, createdAt: new Date(now - 90 * 86_400_000).toISOString() });
  await sandbox.run(['policy', 'allow', CAGE, 'never.example', 'npm']);
  await sandbox.run(['policy', 'deny', CAGE, 'evil.example']);
  const shown = await sandbox.run(['policy', 'prune', CAGE, '--dry-run', '--json']);
  expect(shown.json()).toMatchObject({
    covered: true,
    prunable: [
      { text: 'never.example', reason: 'unused' },
      { text: 'npm', reason: 'unused' },
    ],
  });
  expect((await sandbox.run(['policy', 'prune', CAGE, '--yes'])).exitCode).toBe(0);
  const left = (await readSpec(context, CAGE)).rules.map(({ id }) => id);
  expect(left).toContain('deny:evil.example');
  expect(left.join()).not.toMatch(/never|npm/);
  expect(await status('GET', '/about')).toBe('200');
});

test('of a cage that is younger than the time that is asked about nothing is called unused', async () => {
  const spec = await readSpec(context, CAGE);
  writeSpec(context, { ...spec, createdAt: new Date().toISOString() });
  await sandbox.run(['policy', 'allow', CAGE, 'never.example']);
  expect((await sandbox.run(['policy', 'prune', CAGE, '--dry-run', '--json'])).json()).toMatchObject({
    covered: false,
    prunable: [],
  });
});

/** As if a command had been killed between the spec and the egress. */
async function changeBehindItsBack(path: string): Promise<void> {
  const spec = await readSpec(context, CAGE);
  const rule = { id: `allow:${path}`, effect: 'allow' as const, origin: 'user' as const, host: HOST, path };
  writeSpec(context, { ...spec, generation: spec.generation + 1, rules: [...spec.rules, rule] });
}

test('a change that was cut off before the egress heard of it is in force before anything runs in the cage', async () => {
  expect(await status('GET', '/unheard')).toBe('403');
  await changeBehindItsBack('/unheard');
  expect((await sandbox.run(['policy', 'show', CAGE, '--json'])).json()).toMatchObject({ confirmed: false });
  expect(await status('GET', '/unheard')).toBe('200');
  expect((await sandbox.run(['policy', 'show', CAGE, '--json'])).json()).toMatchObject({ confirmed: true });
});

test('nothing runs in a cage whose egress does not confirm, and a restart puts it right', async () => {
  await changeBehindItsBack('/refused');
  const socket = join(sandbox.dataRoot, 'cages', CAGE, 'egress', 'control', 'control.sock');
  renameSync(socket, `${socket}.away`);
  const refused = await sandbox.run(['exec', CAGE, '--', 'sh', '-c', 'echo ran > ran.txt']);
  expect(refused.exitCode).toBe(125);
  expect(refused.stderr).toContain('E_EGRESS');
  expect((await sandbox.run(['restart', CAGE])).exitCode).toBe(0);
  expect((await sandbox.run(['policy', 'show', CAGE, '--json'])).json()).toMatchObject({ confirmed: true });
  expect(await status('GET', '/refused')).toBe('200');
  expect((await sandbox.run(['exec', CAGE, '--', 'ls'])).stdout).not.toContain('ran.txt');
  const state = readFileSync(join(sandbox.dataRoot, 'cages', CAGE, 'state.json'), 'utf8');
  expect(JSON.parse(state)).toMatchObject({ generation: (await readSpec(context, CAGE)).generation });
});
