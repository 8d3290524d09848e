import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { castOf, evidenceRows } from './evidence-rows.ts';
import type { TimedEntry } from './evidence-library.ts';

const HOSTILE = 'a\u001b]0;title\u0007b\u009b2Jc\nd';

const ENTRIES: TimedEntry[] = [
  {
    kind: 'evidence',
    timeMs: 99_000,
    data: {
      ...{ format: 1, ironcage: '0', cage: 'shop', runs: ['r'], from: '1970-01-01T00:00:10.000Z', to: '' },
      ...{ audit: { ok: true, records: 0, head: '', reason: '' }, streams: {} },
    },
  },
  { kind: 'prompt', run: 'r', timeMs: 10_000, data: { text: HOSTILE } },
  { kind: 'agent', run: 'r', timeMs: 11_500, data: { type: 'text', text: HOSTILE } },
  { kind: 'stderr', run: 'r', timeMs: 11_000, data: { text: HOSTILE } },
  { kind: 'message', timeMs: 12_000, data: { from: 'cage', type: 'question', payload: { text: HOSTILE } } },
  { kind: 'commit', timeMs: 12_000, data: { commit: 'abcdef0123456789', author: 'x', subject: HOSTILE } },
  { kind: 'end', run: 'r', timeMs: 13_000, data: { status: 'stopped', reason: { code: 'user', message: 'enough' } } },
  { kind: 'seal', timeMs: 99_000, data: { records: 8 } },
];

test('a cast begins with its head, and its times never go back', async () => {
  let text = '';
  for await (const piece of castOf(Readable.from(ENTRIES))) text += piece;
  const [head, ...events] = text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(head).toMatchObject({ version: 2, width: 120, timestamp: 10, title: 'ironcage: shop' });
  const times = events.map((event) => (Array.isArray(event) ? Number(event[0]) : Number.NaN));
  expect(times[0]).toBe(0);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times.at(-1)).toBe(3);
});

test('in a cast nothing of a cage’s steers the terminal that plays it: there are only our own colours', async () => {
  let shown = '';
  for await (const piece of castOf(Readable.from(ENTRIES.slice(1)))) shown += String(JSON.parse(piece)[2]);
  // oxlint-disable-next-line no-control-regex -- our own colours
  const rest = shown.replaceAll(/\u001b\[\d{1,2}m/g, '');
  expect(rest).not.toMatch(/(?![\r\n])\p{Cc}/u);
  expect(shown).toContain('\\x1b]0;title');
});

test('lines of a text with several stand below one another', () => {
  const rows = evidenceRows(ENTRIES[1] ?? { kind: 'seal', timeMs: 0, data: { records: 0 } }, undefined);
  expect(rows).toHaveLength(2);
  expect(rows[1]?.slice(0, 2)).toEqual([' '.repeat(9), ' '.repeat(10)]);
});
