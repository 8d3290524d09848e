import { expect, test } from 'vitest';
import { contextOf, exchangeOf, ruleOf } from '../../../test/support/exchange.ts';
import { NO_USAGE } from '../inspector.ts';
import type { Budget, Usage } from '../types.ts';
import { budget } from './budget.ts';

const NOW_MS = Date.parse('2026-05-06T07:08:09.010Z');

function find(bounds: Budget | undefined, used: Partial<Usage>, contentLength: number | undefined) {
  const matched = ruleOf(bounds === undefined ? {} : { budget: bounds });
  const usage = () => ({ ...NO_USAGE, ...used });
  return budget.inspect(exchangeOf({ contentLength }), contextOf({ matched, usage, nowMs: NOW_MS }));
}

test.each<[string, Budget | undefined, Partial<Usage>, number | undefined, boolean]>([
  ['no budget', undefined, { requestsToday: 1e9 }, 1e9, false],
  ['the last request of a minute', { requestsPerMinute: 3 }, { requestsThisMinute: 2 }, 0, false],
  ['one more', { requestsPerMinute: 3 }, { requestsThisMinute: 3 }, 0, true],
  ['the last request of a day', { requestsPerDay: 3 }, { requestsToday: 2 }, 0, false],
  ['one more a day', { requestsPerDay: 3 }, { requestsToday: 3 }, 0, true],
  ['a body that fills the minute', { bytesPerMinute: 10 }, { bytesThisMinute: 4 }, 6, false],
  ['one byte more', { bytesPerMinute: 10 }, { bytesThisMinute: 4 }, 7, true],
  ['one byte more than a day', { bytesPerDay: 10 }, { bytesToday: 10 }, 1, true],
  ['no body when the bytes are used up', { bytesPerDay: 10 }, { bytesToday: 10 }, 0, false],
  ['a body of unknown length when they are used up', { bytesPerDay: 10 }, { bytesToday: 10 }, undefined, true],
  ['a budget of nothing', { requestsPerDay: 0 }, {}, 0, true],
  ['a count that is no number', { requestsPerDay: 5 }, { requestsToday: Number.NaN }, 0, true],
])('%s', (_, bounds, used, contentLength, isDenied) => {
  const finding = find(bounds, used, contentLength);
  if (isDenied) expect(finding).toMatchObject({ action: 'deny', rule: '<budget>' });
  else expect(finding).toBeUndefined();
});

test('the refusal names the rule, the bound and when it starts anew; of two, the one that lasts longer', () => {
  const minute = find({ requestsPerMinute: 1 }, { requestsThisMinute: 1 }, 0);
  expect(minute).toMatchObject({ reason: expect.stringMatching(/rule r allows 1 requests a minute.*07:09:00\.000Z/) });
  const both = find({ requestsPerMinute: 1, requestsPerDay: 1 }, { requestsThisMinute: 1, requestsToday: 1 }, 0);
  expect(both).toMatchObject({ reason: expect.stringMatching(/1 requests a day.*2026-05-07T00:00:00\.000Z/) });
});
