import { expect, test } from 'vitest';
import type { Budget } from '../cage/budget-schema.ts';
import { costLeft, exceeded, sumOf, usedBy, type Used } from './budget-check.ts';
import type { RunRecord } from './run-record.ts';
import { NO_RUN_USAGE } from './usage.ts';

const NOTHING: Used = { costUsd: 0, tokens: 0, timeMs: 0, bytes: 0 };
const START = '2026-11-30T12:00:00.000Z';

function recordWith(more: Partial<RunRecord>): RunRecord {
  return {
    ...{ version: 1, id: 'r-20261130-a1b2c3', cage: 'c', agent: 'shell', model: null, status: 'running' },
    ...{ exitCode: null, reason: null, startedAt: START, endedAt: null, sessionId: null, resumes: null },
    ...{ ...NO_RUN_USAGE, sessionBefore: null, bytesOut: null, budget: {}, notes: [], gvisor: false },
    init: { pid: 1, startTicks: '0' },
    ...more,
  };
}

test.each<[keyof Budget, keyof Used, number, string]>([
  ['costUsd', 'costUsd', 2.5, 'budget-cost'],
  ['tokens', 'tokens', 1000, 'budget-tokens'],
  ['timeMs', 'timeMs', 60_000, 'budget-time'],
  ['bytes', 'bytes', 100_000, 'budget-bytes'],
])('a budget of %s is used up when it is reached, and not before', (kind, of, limit, code) => {
  const budget = { [kind]: limit };
  expect(exceeded(budget, { ...NOTHING, [of]: limit * 0.99 }, 'the run')).toBeUndefined();
  expect(exceeded(budget, { ...NOTHING, [of]: limit }, 'the run')).toMatchObject({
    code,
    message: expect.stringMatching(/^the budget is used up: the run /),
  });
  // The others have no bound.
  const others = { costUsd: 1e9, tokens: 1e9, timeMs: 1e9, bytes: 1e9, [of]: 0 };
  expect(exceeded(budget, others, 'the run')).toBeUndefined();
});

test('what cannot be counted any more has used up every budget', () => {
  expect(exceeded({ bytes: 1e15 }, { ...NOTHING, bytes: Infinity }, 'the run')?.code).toBe('budget-bytes');
});

test('a run that goes on is counted to now, one that has ended to its end, and no clock makes it less than nothing', () => {
  const now = Date.parse(START) + 5_000;
  expect(usedBy(recordWith({}), now).timeMs).toBe(5_000);
  expect(usedBy(recordWith({ endedAt: '2026-11-30T12:00:02.000Z' }), now).timeMs).toBe(2_000);
  expect(usedBy(recordWith({}), now - 60_000).timeMs).toBe(0);
});

test.each([
  [{}, {}, 5, undefined],
  [{ costUsd: 2.5 }, {}, 5, 2.5],
  [{}, { costUsd: 3 }, 2.9, 0.1],
  [{ costUsd: 0.05 }, { costUsd: 3 }, 2.9, 0.05],
  [{ costUsd: 2.5 }, { costUsd: 3 }, 2.9, 0.1],
  [{ costUsd: 2.5 }, { costUsd: 3 }, 3.1, 0.0001],
])('of %j, and of %j for its cage after %d dollars, a run may cost %s', (own, ofCage, used, left) => {
  expect(costLeft(own, ofCage, used)?.toFixed(6)).toBe(left?.toFixed(6));
});

test('runs are summed up; what was not told counts nothing', () => {
  const told = recordWith({ costUsd: 1.5, inputTokens: 10, outputTokens: 5, bytesOut: 7, endedAt: START });
  const untold = recordWith({ endedAt: START });
  const now = Date.parse(START);
  expect(sumOf([usedBy(told, now), usedBy(untold, now), usedBy(told, now)])).toEqual({
    ...{ costUsd: 3, tokens: 30, timeMs: 0, bytes: 14 },
  });
});
