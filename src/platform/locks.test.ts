import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkOwnIdentity } from './identity-link.ts';
import { withLock } from './locks.ts';

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
  linkOwnIdentity(path);
  await expect(withLock(path, { what, timeoutMs: 30 }, async () => 1)).rejects.toMatchObject({
    code: 'E_LOCKED',
    because: expect.stringContaining(String(process.pid)),
  });
  expect(readdirSync(directory)).toEqual(['lock']);
});

test.each([
  ['a dead process', (path: string) => symlinkSync('4194301:1', path)],
  ['an earlier process of the same number', (path: string) => symlinkSync(`${process.pid}:1`, path)],
  ['nobody who can be told', (path: string) => symlinkSync('somebody', path)],
  ['something else', (path: string) => writeFileSync(path, '')],
])('a lock left by %s is broken', async (_by, leave) => {
  const path = join(directory, 'lock');
  leave(path);
  await expect(withLock(path, { what, timeoutMs: 1000 }, async () => 'worked')).resolves.toBe('worked');
  expect(readdirSync(directory)).toEqual([]);
});

test('a failure inside gives the lock back', async () => {
  const path = join(directory, 'lock');
  await expect(withLock(path, { what }, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
  expect(readdirSync(directory)).toEqual([]);
});
