import { mkdirSync, mkdtempSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ASK_LIMITS, createAskDesk } from '../egress/ask-desk.ts';
import type { EgressGeneration } from '../egress/config.ts';
import { openControl } from '../egress/control.ts';
import { generationHash } from '../egress/generation.ts';
import { confirmPolicy, controlSocket, expectedGeneration } from './confirm-policy.ts';
import { openContext } from './context.ts';
import { egressGeneration } from './policy.ts';
import type { CageSpec } from './spec.ts';
import type { RunningState } from './state.ts';
import { cagePaths, readCageState, readSpec, writeCageState, writeSpec } from './store.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const SPEC: CageSpec = {
  ...{ version: 1, name: 'demo', project: '/p', backend: 'native', preset: 'safe', workspace: 'copy' },
  ...{ net: 'filtered', auth: 'none', createdAt: '2026-01-01T00:00:00.000Z', home: '/home/agent', generation: 4 },
  ...{ rules: [], inspectors: [], secrets: [], routes: [], env: {}, binds: [], limits: {} },
};

/** A cage whose egress has applied `generation` and whose state notes `noted`. `lies`: it confirms what it does not serve. */
async function runningCage({ generation, noted, lies }: { generation: number; noted: number; lies?: boolean }) {
  const home = mkdtempSync(join(tmpdir(), 'ironcage-confirm-'));
  const context = openContext({ home, environment: {} });
  const paths = cagePaths(context, SPEC.name);
  mkdirSync(paths.egress.control, { recursive: true, mode: 0o700 });
  writeSpec(context, SPEC);
  const identity = { pid: process.pid, startTicks: '1' };
  const state: RunningState = {
    ...{ phase: 'running', egress: identity, holder: identity, init: identity, cgroups: [], stopWhenIdle: false },
    limits: { memory: 'none', pids: 'none', cpu: 'none' },
    ...expectedGeneration({ ...SPEC, generation: noted }),
  };
  writeCageState(context, SPEC.name, state);
  let served: EgressGeneration = await egressGeneration(context, { ...SPEC, generation });
  const applied: number[] = [];
  servers.push(
    await openControl(controlSocket(context, SPEC.name), {
      status: () => {
        const hash = lies === true ? '0'.repeat(64) : generationHash(served);
        return { generation: served.generation, hash, connections: 0, requests: 0, refused: 0 };
      },
      apply(next) {
        applied.push(next.generation);
        if (next.generation <= served.generation) throw new Error('it is not newer');
        served = next;
      },
      stop: () => undefined,
      desk: createAskDesk(ASK_LIMITS, { now: () => 0, after: () => () => undefined }),
    }),
  );
  return { context, state, applied, served: () => served };
}

test('what host and egress say of one spec is the same', async () => {
  const context = openContext({
    home: mkdtempSync(join(tmpdir(), 'ironcage-confirm-')),
    environment: { KEY: 'value-of-a-key' },
  });
  const placeholder = `ironcage-${'0'.repeat(32)}`;
  const binding = { name: 'KEY', hosts: ['a.example'], slots: [{ kind: 'bearer' as const }], placeholder, env: 'KEY' };
  const spec: CageSpec = {
    ...SPEC,
    rules: [{ id: 'a', effect: 'allow', origin: 'user', host: 'a.example', methods: ['GET'] }],
    secrets: [binding],
    routes: [{ host: 'a.example', address: '127.0.0.1', port: 1 }],
    inspection: { secretShapes: 'block', payloadShape: 'off' },
  };
  expect(expectedGeneration(spec)).toEqual({
    generation: 4,
    hash: generationHash(await egressGeneration(context, spec)),
  });
});

test('a cage whose egress has confirmed its spec is left alone', async () => {
  const { context, state, applied } = await runningCage({ generation: 4, noted: 4 });
  expect(await confirmPolicy(context, SPEC, state)).toBe(state);
  expect(applied).toEqual([]);
});

test('an egress that has never heard of the change is told', async () => {
  const { context, state, applied, served } = await runningCage({ generation: 3, noted: 3 });
  const confirmed = await confirmPolicy(context, SPEC, state);
  expect(applied).toEqual([4]);
  expect(served().generation).toBe(4);
  expect(confirmed).toMatchObject(expectedGeneration(SPEC));
  expect(readCageState(context, SPEC.name)).toEqual(confirmed);
});

test('an egress that took the change before the command ended is believed, and noted', async () => {
  const { context, state, applied } = await runningCage({ generation: 4, noted: 3 });
  expect(await confirmPolicy(context, SPEC, state)).toMatchObject(expectedGeneration(SPEC));
  expect(applied).toEqual([]);
});

test('an egress that is ahead is given the policy under a number that it takes', async () => {
  const { context, state, applied } = await runningCage({ generation: 9, noted: 3 });
  const confirmed = await confirmPolicy(context, SPEC, state);
  expect(applied).toEqual([10]);
  expect(confirmed.generation).toBe(10);
  expect((await readSpec(context, SPEC.name)).generation).toBe(10);
});

test('an egress that confirms another policy is not believed', async () => {
  const { context, state } = await runningCage({ generation: 3, noted: 3, lies: true });
  await expect(confirmPolicy(context, SPEC, state)).rejects.toMatchObject({ code: 'E_EGRESS' });
  expect(readCageState(context, SPEC.name)).toMatchObject({ generation: 3 });
});

test('an egress that does not answer is not believed', async () => {
  const { context, state } = await runningCage({ generation: 3, noted: 3 });
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await expect(confirmPolicy(context, SPEC, state)).rejects.toMatchObject({ code: 'E_EGRESS' });
  expect(readCageState(context, SPEC.name)).toMatchObject({ generation: 3 });
});
