import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyLimits } from './limits.ts';

// Control groups as files: what is written where. test/contract shows that the kernel enforces it.
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-cgroup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const read = (...names: string[]): string => readFileSync(join(root, ...names), 'utf8');

const WANTED = { memoryBytes: 2 ** 30, pids: 100, cpus: 0.5 };

test('one hierarchy: all limits in one group', () => {
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids');
  writeFileSync(join(root, 'cgroup.subtree_control'), '');
  const { enforcement, cgroups, rlimits } = applyLimits('shop', WANTED, root);
  expect(enforcement).toEqual({ memory: 'cgroup', pids: 'cgroup', cpu: 'cgroup' });
  expect(cgroups).toEqual([join(root, 'ironcage/shop')]);
  expect(rlimits).toEqual({ pids: '-', memory: '-' });
  expect(read('ironcage/shop/memory.max')).toBe('1073741824');
  expect(read('ironcage/shop/pids.max')).toBe('100');
  expect(read('ironcage/shop/cpu.max')).toBe('50000 100000');
});

test('one hierarchy per controller: a group in each', () => {
  for (const controller of ['memory', 'pids', 'cpu']) mkdirSync(join(root, controller));
  const { enforcement, cgroups } = applyLimits('shop', WANTED, root);
  expect(enforcement).toEqual({ memory: 'cgroup', pids: 'cgroup', cpu: 'cgroup' });
  expect(cgroups).toHaveLength(3);
  expect(read('memory/ironcage/shop/memory.limit_in_bytes')).toBe('1073741824');
  expect(read('cpu/ironcage/shop/cpu.cfs_quota_us')).toBe('50000');
});

test('without control groups memory and processes are limited by the process', () => {
  const { enforcement, cgroups, rlimits } = applyLimits('shop', { ...WANTED, cpus: undefined }, join(root, 'missing'));
  expect(enforcement).toEqual({ memory: 'rlimit', pids: 'rlimit', cpu: 'none' });
  expect(cgroups).toEqual([]);
  expect(rlimits).toEqual({ pids: '100', memory: '1073741824' });
});

test('a processor limit that nothing can enforce is an error and leaves nothing behind', () => {
  const missing = join(root, 'missing');
  expect(() => applyLimits('shop', WANTED, missing)).toThrow(expect.objectContaining({ code: 'E_PROTECTION' }));
  expect(existsSync(missing)).toBe(false);
});

test('nothing asked for is nothing done', () => {
  const nothing = { memoryBytes: undefined, pids: undefined, cpus: undefined };
  expect(applyLimits('shop', nothing, root)).toEqual({
    enforcement: { memory: 'none', pids: 'none', cpu: 'none' },
    cgroups: [],
    rlimits: { pids: '-', memory: '-' },
  });
});
