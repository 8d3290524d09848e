import { expect, test } from 'vitest';
import { parseSince } from './since.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');

test.each([
  ['45s', '2026-11-21T11:59:15.000Z'],
  ['30m', '2026-11-21T11:30:00.000Z'],
  ['1h', '2026-11-21T11:00:00.000Z'],
  ['7d', '2026-11-14T12:00:00.000Z'],
  ['2w', '2026-11-07T12:00:00.000Z'],
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
  ['2026-11-20T10:00:00Z', '2026-11-20T10:00:00.000Z'],
  ['2026-11-20T10:00:00.5+01:00', '2026-11-20T09:00:00.500Z'],
])('%s begins at %s', (text, expected) => {
  expect(new Date(parseSince(text, NOW_MS)).toISOString()).toBe(expected);
});

test.each(['', '1', 'h', '1y', '-1h', '1.5h', '9999999h', 'yesterday', '2026-13-01', '2026-11-20T25:00', '21/11/2026'])(
  '%j is no point in time',
  (text) => {
    expect(() => parseSince(text, NOW_MS)).toThrow('--since cannot read');
  },
);
