import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cagePaths, writeSpec } from '../cage/store.ts';
import { openContext, type Context } from '../index.ts';
import { watchBudgets } from './budget-watch.ts';
import type { RunRecord } from './run-record.ts';
import { NO_RUN_USAGE } from './usage.ts';

const NAME = 'c';
const RECORD: RunRecord = {
  ...{ version: 1, id: 'r-20261130-a1b2c3', cage: NAME, agent: 'shell', model: null, status: 'running' },
  ...{ exitCode: null, reason: null, startedAt: new Date().toISOString(), endedAt: null, sessionId: null },
  ...{ resumes: null, sessionBefore: null, bytesOut: null, budget: {}, notes: [], gvisor: false },
  ...NO_RUN_USAGE,
  init: { pid: 1, startTicks: '1' },
};

let context: Context;
beforeEach(() => {
  context = openContext({ home: mkdtempSync(join(tmpdir(), 'ironcage-budget-')), environment: {} });
  mkdirSync(cagePaths(context, NAME).root, { recursive: true });
  writeSpec(context, {
    ...{ version: 1, name: NAME, project: '/p', backend: 'native', preset: 'safe', workspace: 'copy', net: 'filtered' },
    ...{ auth: 'none', createdAt: RECORD.startedAt, home: '/home/agent', generation: 1, slot: 1 },
    ...{ rules: [], inspectors: [], secrets: [], routes: [], env: {}, binds: [], limits: {} },
  });
});
afterEach(() => rmSync(context.dataRoot, { recursive: true, force: true }));

test('without any budget nothing is used up', async () => {
  const budgets = await watchBudgets(context, RECORD);
  expect([budgets.isBounded, budgets.exceeded(RECORD)]).toEqual([false, undefined]);
  budgets.close();
});

test.each(['{', '', '{"budget":{"tokens":"many"}}'])('a cage whose spec is %j may use nothing', async (text) => {
  writeFileSync(cagePaths(context, NAME).spec, text);
  const budgets = await watchBudgets(context, RECORD);
  expect([budgets.isBounded, budgets.exceeded(RECORD)]).toEqual([
    true,
    { code: 'budget-unreadable', message: expect.stringMatching(/^the budget of its cage cannot be read: /) },
  ]);
  budgets.close();
});
