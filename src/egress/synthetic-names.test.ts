import { expect, test } from 'vitest';
import { addressBlock } from '../policy/addresses.ts';
import { createSyntheticNames, isSynthetic } from './synthetic-names.ts';

test('a name keeps its address, and the address knows its name', () => {
  const names = createSyntheticNames(() => false);
  const first = names.addressOf('a.example');
  expect(first).toBe('198.18.0.1');
  expect(names.addressOf('b.example')).toBe('198.18.0.2');
  expect(names.addressOf('a.example')).toBe(first);
  expect(names.nameOf(first)).toBe('a.example');
  expect(names.nameOf('198.18.9.9')).toBeUndefined();
});

test('beyond the bound the name that was asked for longest ago gives its address away', () => {
  const names = createSyntheticNames(() => false, 2);
  const first = names.addressOf('a.example');
  const second = names.addressOf('b.example');
  names.addressOf('a.example');
  expect(names.addressOf('c.example')).toBe(second);
  expect(names.nameOf(second)).toBe('c.example');
  expect(names.nameOf(first)).toBe('a.example');
});

test('a name that something was connected to lately keeps its address', () => {
  const names = createSyntheticNames(() => false, 2);
  const first = names.addressOf('a.example');
  names.addressOf('b.example');
  expect(names.nameOf(first)).toBe('a.example');
  names.addressOf('c.example');
  expect(names.nameOf(first)).toBe('a.example');
});

test('a flood of made-up names does not take the address of a name that is kept', () => {
  const names = createSyntheticNames((name) => name.startsWith('kept'), 5);
  const first = names.addressOf('kept1.example');
  const second = names.addressOf('kept2.example');
  for (let count = 0; count < 100; count += 1) names.addressOf(`n${count}.example`);
  expect(names.nameOf(first)).toBe('kept1.example');
  expect(names.nameOf(second)).toBe('kept2.example');
});

test('where all names are kept, one of them still makes room', () => {
  const names = createSyntheticNames(() => true, 3);
  const addresses = new Set<string>();
  for (let count = 0; count < 20; count += 1) addresses.add(names.addressOf(`kept${count}.example`));
  expect(addresses.size).toBe(3);
  expect(names.nameOf(names.addressOf('last.example'))).toBe('last.example');
});

test('every address lies in the range that is routed nowhere', () => {
  const names = createSyntheticNames(() => false);
  const seen = new Set<string>();
  for (let count = 0; count < 65_000; count += 1) seen.add(names.addressOf(`n${count}.example`));
  expect(seen.size).toBe(65_000);
  for (const address of seen) if (!isSynthetic(address)) throw new Error(address);
  expect(addressBlock(names.addressOf('n64999.example'))).toBeDefined();
});
