import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { canBeSet, limitBytes, parseLimits } from './resource-limits.ts';

const own = readFileSync('/proc/self/limits', 'utf8');
const MAY = 'CapEff:\t0000000001000000\n';
const MAY_NOT = 'CapEff:\t000001fffeffffff\n';

test('every limit of a process is read, in the kernel’s order', () => {
  const limits = parseLimits(own) ?? [];
  expect(limits).toHaveLength(16);
  const hard = /^Max open files +\S+ +(\S+)/m.exec(own)?.[1];
  expect(limits[7]?.[1]).toBe(hard);
});

test('a text without one of them is none', () => {
  expect(parseLimits(own.replace(/^Max open files.*\n/m, ''))).toBeUndefined();
  expect(parseLimits(own.replace(/^(Max open files +)\S+/m, '$1some'))).toBeUndefined();
});

test('as much as there is is the greatest number', () => {
  expect([...limitBytes([['3', 'unlimited']])]).toEqual([3, 0, 0, 0, 0, 0, 0, 0, ...Array<number>(8).fill(255)]);
});

test('only who has the right for it can have more than it has', () => {
  const limits = parseLimits(own) ?? [];
  const more = limits.map(() => ['unlimited', 'unlimited'] as const);
  const scarce = own.replace(/^(Max open files +)\S+( +)\S+/m, '$110$211');
  expect(canBeSet(limits, own, MAY_NOT)).toBe(true);
  expect(canBeSet(more, scarce, MAY_NOT)).toBe(false);
  expect(canBeSet(more, scarce, MAY)).toBe(true);
  expect(canBeSet(more, scarce, '')).toBe(false);
});
