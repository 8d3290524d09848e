import { expect, test } from 'vitest';
import { outline } from './outline.ts';

test('nested data become indented lines, and what is empty is left out', () => {
  const value = { name: 'a', none: undefined, list: [], on: true, deep: { n: 1, items: [{ x: 1, y: 2 }, 'z'] } };
  expect(outline(value)).toEqual([
    'name: a',
    'on: true',
    'deep:',
    '  n: 1',
    '  items:',
    '    - x: 1',
    '      y: 2',
    '    - z',
  ]);
});
