import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAskEvent, readHeldRequests } from './ask-guards.ts';
import type { HeldRequest } from './config.ts';

const HELD: HeldRequest = {
  id: '0123456789ab',
  askedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T00:02:00.000Z',
  protocol: 'http',
  scheme: 'https',
  method: 'GET',
  host: 'a.example',
  port: 443,
  path: '/',
  query: '',
  contentLength: 0,
  contentType: 'text/plain',
  client: { address: '127.0.0.1', port: 4000 },
  rule: '<ask>',
  reason: 'none',
  waiting: 1,
};

test('what an egress tells is read as it was told', () => {
  expect(readAskEvent({ event: 'asked', ask: HELD })).toEqual({ event: 'asked', ask: HELD });
  expect(readAskEvent({ event: 'closed', id: HELD.id, outcome: 'once', by: 'ann' })).toEqual({
    event: 'closed',
    id: HELD.id,
    outcome: 'once',
    by: 'ann',
  });
  expect(readAskEvent({ event: 'ready' })).toEqual({ event: 'ready' });
  expect(readHeldRequests([HELD, HELD])).toHaveLength(2);
});

test.each(Object.keys(HELD).filter((key) => !['contentLength', 'contentType', 'client'].includes(key)))(
  'a request without a %s is none, and neither is the list that holds it',
  (key) => {
    const broken = { ...HELD, [key]: null };
    expect(readAskEvent({ event: 'asked', ask: broken })).toBeUndefined();
    expect(readHeldRequests([HELD, broken])).toBeUndefined();
  },
);

test.each([
  [undefined],
  [[]],
  [{}],
  [{ event: 'closed', id: HELD.id, outcome: 'maybe' }],
  [{ event: 'closed', id: 'x', outcome: 'once' }],
])('%j is no event', (value) => {
  expect(readAskEvent(value)).toBeUndefined();
});

test('whatever stands in a line, it is read as an event of a known form or as none', () => {
  const near = fc.record(
    {
      event: fc.oneof(fc.constantFrom('asked', 'closed', 'ready'), fc.anything()),
      id: fc.oneof(fc.constant(HELD.id), fc.anything()),
      outcome: fc.oneof(fc.constantFrom('once', 'denied'), fc.anything()),
      ask: fc.oneof(
        fc
          .tuple(fc.constantFrom(...Object.keys(HELD)), fc.anything())
          .map(([key, value]) => ({ ...HELD, [key]: value })),
        fc.anything(),
      ),
    },
    { requiredKeys: ['event'] },
  );
  fc.assert(
    fc.property(fc.oneof(near, fc.anything()), (value) => {
      const event = readAskEvent(value);
      if (event === undefined) return;
      expect(['asked', 'closed', 'ready']).toContain(event.event);
      if (event.event === 'asked') expect(new Date(event.ask.expiresAt).getTime()).not.toBeNaN();
    }),
    { numRuns: 10_000 },
  );
});
