import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CAPTURE_FILE, FRAME } from '../audit/capture-format.ts';
import { openCaptureIndex } from '../audit/capture-read.ts';
import { CAPTURE_LIMITS, createCapture, type CaptureLimits } from './capture-log.ts';

let directory: string;
let nowMs = 1_000_000;
const clock = { now: () => (nowMs += 1) };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-capture-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(limits: Partial<CaptureLimits> = {}) {
  return createCapture(directory, { ...CAPTURE_LIMITS, ...limits }, clock);
}

async function framesOf(seq: number) {
  const index = await openCaptureIndex(directory);
  try {
    return { frames: await index.framesOf(seq), hasGaps: index.hasGaps };
  } finally {
    await index.close();
  }
}

const field = { name: 'x-a', spelled: 'X-A', value: 'b' };

test('an exchange is read back as it was given, beside others', async () => {
  const capture = await open();
  const first = capture.open(1);
  const second = capture.open(2);
  first.request({ version: '1.1', method: 'GET', url: 'https://a.example/x', fields: [field] });
  second.request({ version: '2', method: 'POST', url: 'https://b.example/', fields: [] });
  second.requestBody([Buffer.from('one '), Buffer.from('two')]);
  first.response({ version: '1.1', status: 200, reason: 'OK', fields: [field, field] });
  first.responseBody([Buffer.from('body')]);
  first.end();
  second.message('out', 'text', Buffer.from('hi'), false);
  second.message('in', 'binary', Buffer.from([1, 2]), false);
  second.end();
  await capture.close();
  const { frames } = await framesOf(1);
  expect(frames.map(({ kind, content }) => [kind, content.toString()])).toEqual([
    [FRAME.request, 'GET https://a.example/x 1.1\nX-A: b\n'],
    [FRAME.response, '1.1 200 OK\nX-A: b\nX-A: b\n'],
    [FRAME.responseBody, 'body'],
    [FRAME.end, ''],
  ]);
  expect((await framesOf(2)).frames.map(({ kind }) => kind)).toEqual([
    ...[FRAME.request, FRAME.requestBody, FRAME.requestBody, FRAME.messageOutText, FRAME.messageInBinary, FRAME.end],
  ]);
  expect((await framesOf(3)).frames).toEqual([]);
  expect(statSync(join(directory, CAPTURE_FILE)).mode & 0o777).toBe(0o600);
});

test('of a long body the beginning is kept, with a mark', async () => {
  const capture = await open({ maxBodyBytes: 10 });
  const exchange = capture.open(1);
  for (let count = 0; count < 5; count += 1) exchange.responseBody([Buffer.alloc(4, 0x61)]);
  exchange.message('in', 'text', Buffer.alloc(100, 0x62), false);
  exchange.message('out', 'text', Buffer.from('c'), true);
  await capture.close();
  const { frames } = await framesOf(1);
  expect(frames.filter(({ kind }) => kind === FRAME.requestCut)).toHaveLength(1);
  const body = frames.filter(({ kind }) => kind === FRAME.responseBody).map(({ content }) => content.length);
  expect(body).toEqual([4, 4, 2]);
  expect(frames.filter(({ kind }) => kind === FRAME.responseCut)).toHaveLength(2);
});

test('messages of an exchange are kept to a bound that counts what each costs in the file, empty ones as well', async () => {
  const maxMessageBytesOfAll = 10_000;
  const capture = await open({ maxMessageBytesOfAll });
  const exchange = capture.open(1);
  for (let count = 0; count < 20_000; count += 1) {
    exchange.message(count % 2 === 0 ? 'out' : 'in', 'text', Buffer.alloc(0), false);
    if (count % 100 === 0) exchange.message('in', 'binary', Buffer.from('piece'), true);
  }
  await capture.close();
  const { frames } = await framesOf(1);
  expect(statSync(join(directory, CAPTURE_FILE)).size).toBeLessThan(maxMessageBytesOfAll + 100);
  expect(frames.length).toBeGreaterThan(400);
  const last = frames.slice(-2).map(({ kind }) => kind);
  expect(last.toSorted((a, b) => a - b)).toEqual([FRAME.requestCut, FRAME.responseCut]);
});

test('more than a block at once, and block after block, is written whole and in order', async () => {
  const capture = await open();
  const expected: string[] = [];
  const one = capture.open(1);
  for (let round = 0; round < 4; round += 1) {
    for (let count = 0; count < 900; count += 1) {
      const text = `${round} ${count} `.repeat(30);
      expected.push(text);
      one.message('out', 'text', Buffer.from(text), false);
    }
    // The disk gets its turn between two bursts.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await capture.close();
  const { frames, hasGaps } = await framesOf(1);
  expect(hasGaps).toBe(false);
  expect(frames.map(({ content }) => content.toString())).toEqual(expected);
});

test('files turn over at their bound, and the one before is read as well', async () => {
  for (let seq = 1; seq <= 60; seq += 1) {
    const capture = await open({ maxFileBytes: 2000 });
    capture.open(seq).responseBody([Buffer.alloc(100)]);
    await capture.close();
  }
  expect(readdirSync(directory).toSorted()).toEqual(['capture.1.bin', 'capture.bin']);
  for (const seq of [40, 60]) expect((await framesOf(seq)).frames).toHaveLength(1);
  expect((await framesOf(1)).frames).toHaveLength(0);
});

test('what the disk cannot take is dropped, nothing waits, and the gap is told with the next frame', async () => {
  const capture = await open({ maxPendingBytes: 1000 });
  for (let seq = 1; seq <= 50; seq += 1) capture.open(seq).responseBody([Buffer.alloc(100)]);
  capture.open(51).end();
  await capture.close();
  expect((await framesOf(50)).frames).toHaveLength(0);
  expect((await framesOf(51)).frames).toHaveLength(1);
  expect((await framesOf(51)).hasGaps).toBe(true);
});

test('a torn end, an empty file and a foreign file are read as far as they hold', async () => {
  const capture = await open();
  capture.open(1).responseBody([Buffer.from('whole')]);
  capture.open(2).responseBody([Buffer.from('torn')]);
  await capture.close();
  const path = join(directory, CAPTURE_FILE);
  truncateSync(path, statSync(path).size - 2);
  expect((await framesOf(1)).frames).toHaveLength(1);
  expect((await framesOf(2)).frames).toHaveLength(0);
  writeFileSync(path, '');
  expect((await framesOf(1)).frames).toHaveLength(0);
});

test('what an egress that was killed left half written does not hide what the next one writes', async () => {
  const before = await open();
  before.open(1).responseBody([Buffer.from('whole')]);
  before.open(2).responseBody([Buffer.from('torn')]);
  await before.close();
  const path = join(directory, CAPTURE_FILE);
  truncateSync(path, statSync(path).size - 2);
  const after = await open();
  after.open(3).responseBody([Buffer.from('next')]);
  await after.close();
  expect((await framesOf(1)).frames.map(({ content }) => content.toString())).toEqual(['whole']);
  expect((await framesOf(2)).frames).toEqual([]);
  const { frames, hasGaps } = await framesOf(3);
  expect(frames.map(({ content }) => content.toString())).toEqual(['next']);
  expect(hasGaps).toBe(true);
});

test('whatever bytes the file holds, reading it ends, and gives no more than the file has', async () => {
  const path = join(directory, CAPTURE_FILE);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(20), async (bytes, seq) => {
      writeFileSync(path, bytes);
      const { frames } = await framesOf(seq);
      const read = frames.reduce((sum, { content }) => sum + content.length, 0);
      expect(read).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 10_000 },
  );
});
