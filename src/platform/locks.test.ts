import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './locks.ts';
import { identifyProcess } from './processes.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-locks-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const what = 'the test';

test('of many at once, one works at a time, and all get their turn', async () => {
  const path = join(directory, 'lock');
  let inside = 0;
  let most = 0;
  let turns = 0;
  const turn = (): Promise<void> =>
    withLock(path, { what }, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
      turns += 1;
    });
  await Promise.all(Array.from({ length: 12 }, turn));
  expect({ most, turns }).toEqual({ most: 1, turns: 12 });
  expect(readdirSync(directory)).toEqual([]);
});

test('the lock of a live process is waited for, then named in the error', async () => {
  const path = join(directory, 'lock');
  writeFileSync(path, JSON.stringify(identifyProcess(process.pid)));
  await expect(withLock(path, { what, timeoutMs: 30 }, async () => 1)).rejects.toMatchObject({
    code: 'E_LOCKED',
    because: expect.stringContaining(String(process.pid)),
  });
  expect(readdirSync(directory)).toEqual(['lock']);
});

test.each([
  ['a dead process', JSON.stringify({ pid: 4_194_301, startTicks: '1' })],
  ['an earlier process of the same number', JSON.stringify({ pid: process.pid, startTicks: '1' })],
  ['a crash in the middle of a write', '{"pid":'],
  ['nothing', ''],
])('a lock left by %s is broken', async (_by, text) => {
  const path = join(directory, 'lock');
  writeFileSync(path, text);
  await expect(withLock(path, { what, timeoutMs: 1000 }, async () => 'worked')).resolves.toBe('worked');
  expect(readdirSync(directory)).toEqual([]);
});

test('what killed holders and waiters left is swept with the lock, and no live one’s', async () => {
  const path = join(directory, 'lock');
  const dead = JSON.stringify({ pid: 4_194_301, startTicks: '1' });
  writeFileSync(path, dead);
  writeFileSync(`${path}.4194301.aaaaaaaa`, dead);
  writeFileSync(`${path}.1.bbbbbbbb`, JSON.stringify(identifyProcess(process.pid)));
  writeFileSync(join(directory, 'lock2.4194301.cccccccc'), dead);
  await withLock(path, { what, timeoutMs: 1000 }, async () => 'worked');
  expect(readdirSync(directory).sort()).toEqual(['lock.1.bbbbbbbb', 'lock2.4194301.cccccccc']);
});

test('a failure inside gives the lock back', async () => {
  const path = join(directory, 'lock');
  await expect(withLock(path, { what }, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
  expect(readdirSync(directory)).toEqual([]);
});
