import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Rule } from '../policy/types.ts';
import { controlSocket, expectedGeneration } from './confirm-policy.ts';
import { openContext, type Context } from './context.ts';
import { changeLocked } from './live-policy.ts';
import type { CageSpec } from './spec.ts';
import { cagePaths, readCageState, readSpec, writeCageState, writeSpec } from './store.ts';

const SPEC: CageSpec = {
  ...{ version: 1, name: 'demo', project: '/p', backend: 'native', preset: 'safe', workspace: 'copy' },
  ...{ net: 'filtered', auth: 'none', createdAt: '2026-01-01T00:00:00.000Z', home: '/home/agent', generation: 4 },
  ...{ rules: [], inspectors: [], secrets: [], routes: [], env: {}, binds: [], limits: {} },
};
const RULE: Rule = { id: 'allow:a.example', effect: 'allow', origin: 'user', host: 'a.example' };

let home: string;
let context: Context;
let server: Server;
/** What the egress says to whatever it is asked; undefined: it hangs up. */
let answer: object | undefined;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ironcage-live-'));
  context = openContext({ home, environment: {} });
  mkdirSync(cagePaths(context, SPEC.name).egress.control, { recursive: true, mode: 0o700 });
  writeSpec(context, SPEC);
  const identity = { pid: process.pid, startTicks: '1' };
  writeCageState(context, SPEC.name, {
    ...{ phase: 'running', egress: identity, holder: identity, init: identity, cgroups: [], stopWhenIdle: false },
    limits: { memory: 'none', pids: 'none', cpu: 'none' },
    ...expectedGeneration(SPEC),
  });
  server = createServer((socket) => {
    socket.once('data', () => socket.end(answer === undefined ? '' : `${JSON.stringify(answer)}\n`));
  });
  await new Promise<void>((resolve) => server.listen(controlSocket(context, SPEC.name), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(home, { recursive: true, force: true });
});

const served = (generation: number, hash: string) => ({
  ...{ ok: true, generation, hash, pid: 1, connections: 0, requests: 0, refused: 0 },
});

test('a change that the egress confirms is stored and noted', async () => {
  const next = expectedGeneration({ ...SPEC, rules: [RULE], generation: 5 });
  answer = served(5, next.hash);
  const change = await changeLocked(context, SPEC, { rules: [RULE] });
  expect(change).toMatchObject({ ...next, confirmed: true, rules: [{ text: 'a.example' }] });
  expect(await readSpec(context, SPEC.name)).toEqual({ ...SPEC, rules: [RULE], generation: 5 });
  expect(readCageState(context, SPEC.name)).toMatchObject(next);
});

test('a change whose answer is lost leaves the old rules, and it is said that the egress may serve the new ones', async () => {
  answer = undefined;
  await expect(changeLocked(context, SPEC, { rules: [RULE] })).rejects.toMatchObject({
    code: 'E_EGRESS',
    message:
      'the egress of demo did not say whether it took the new rules: the cage keeps the old ones, but until the next run, exec or start the egress may serve the new ones',
    because: 'the egress closed the connection without an answer',
    hint: expect.stringMatching(/ironcage start demo; .* ironcage restart demo$/),
  });
  expect(await readSpec(context, SPEC.name)).toEqual({ ...SPEC, generation: 5 });
  // So that the next command has the egress told again.
  expect(readCageState(context, SPEC.name)).toMatchObject({ generation: 4 });
});

test.each([
  ['refuses', { ok: false, message: 'it is not newer', generation: 9, hash: 'ff' }, 'it is not newer'],
  ['serves something else', served(4, 'ff'), 'it reports generation 4'],
])('a change that the egress %s leaves the old rules in force', async (_, said, because) => {
  answer = said;
  await expect(changeLocked(context, SPEC, { rules: [RULE] })).rejects.toMatchObject({
    code: 'E_EGRESS',
    message: 'the egress did not take the new rules; the old ones stay in force',
    because,
    hint: expect.stringContaining('ironcage restart demo'),
  });
  expect(await readSpec(context, SPEC.name)).toEqual({ ...SPEC, generation: 5 });
});
