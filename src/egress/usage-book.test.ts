import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Budget, Exchange, Rule } from '../policy/types.ts';
import { createUsageBook } from './usage-book.ts';

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0);
let directory: string;
let nowMs: number;
const clock = { now: () => nowMs };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-usage-'));
  nowMs = NOON;
});
afterEach(() => rmSync(directory, { recursive: true }));

function rule(budget: Budget | undefined, id = 'allow:host'): Rule {
  return { id, effect: 'allow', origin: 'user', host: 'host', budget };
}

const exchange: Exchange = {
  protocol: 'http',
  scheme: 'https',
  method: 'POST',
  host: 'host',
  port: 443,
  path: '/',
  query: '',
  headers: [],
  contentLength: undefined,
};

test('requests and bytes are counted for each rule by itself', () => {
  const book = createUsageBook(directory, clock);
  const first = rule({ requestsPerDay: 5 });
  book.open(first, exchange).out(10);
  book.open(first, exchange).out(5);
  expect(book.of(first)).toMatchObject({
    requestsThisMinute: 2,
    requestsToday: 2,
    bytesThisMinute: 15,
    bytesToday: 15,
  });
  expect(book.of(rule({ requestsPerDay: 5 }, 'other'))).toMatchObject({ requestsToday: 0 });
});

test('a minute ends with the minute, a day with the day, and a clock that is set back resets nothing', () => {
  const book = createUsageBook(directory, clock);
  const counted = rule({ requestsPerMinute: 1 });
  book.open(counted, exchange).out(7);
  nowMs += 60_000;
  expect(book.of(counted)).toMatchObject({
    requestsThisMinute: 0,
    bytesThisMinute: 0,
    requestsToday: 1,
    bytesToday: 7,
  });
  nowMs = NOON - 24 * 3_600_000;
  expect(book.of(counted)).toMatchObject({ requestsToday: 1 });
  nowMs = NOON + 12 * 3_600_000;
  expect(book.of(counted)).toMatchObject({ requestsToday: 0, bytesToday: 0 });
});

test('bytes beyond a budget are refused before they are sent, also in the middle of a body', () => {
  const book = createUsageBook(directory, clock);
  const meter = book.open(rule({ bytesPerMinute: 100 }), exchange);
  meter.out(60);
  expect(() => meter.out(41)).toThrow('lets 100 bytes a minute pass');
  meter.out(40);
  const daily = book.open(rule({ bytesPerDay: 10 }, 'daily'), exchange);
  expect(() => daily.out(11)).toThrow('lets 10 bytes a day pass');
});

test('what was used today outlives the egress, and is forgotten on the next day', async () => {
  const counted = rule({ requestsPerDay: 2, bytesPerDay: 100 });
  const book = createUsageBook(directory, clock);
  book.open(counted, exchange).out(30);
  await book.close();
  expect(createUsageBook(directory, clock).of(counted)).toMatchObject({ requestsToday: 1, bytesToday: 30 });
  nowMs += 24 * 3_600_000;
  expect(createUsageBook(directory, clock).of(counted)).toMatchObject({ requestsToday: 0 });
});

test.each([
  ['no JSON', 'x'],
  ['another form', '{"day":1}'],
  ['a line that is not whole', '{"day":1,"rules":[["id",1]]}'],
  ['a count that is none', '{"day":1,"rules":[["id",-1,0]]}'],
  ['a day that is none', '{"day":"today","rules":[]}'],
])('a book that holds %s is an error and no empty book', (_, text) => {
  writeFileSync(join(directory, 'usage.json'), text);
  expect(() => createUsageBook(directory, clock)).toThrow('cannot be read');
  expect(readFileSync(join(directory, 'usage.json'), 'utf8')).toBe(text);
});

test('a rule without a budget costs no page', async () => {
  const book = createUsageBook(directory, clock);
  book.open(rule(undefined), exchange).out(1e9);
  book.open(undefined, exchange).out(1e9);
  expect(book.of(rule(undefined))).toMatchObject({ bytesToday: 0 });
  await book.close();
  expect(() => readFileSync(join(directory, 'usage.json'))).toThrow('ENOENT');
});
