import { expect, test } from 'vitest';
import { closestName } from './closest-name.ts';

test.each([
  ['claude', 'claude'],
  ['calude', 'claude'],
  ['claud', 'claude'],
  ['gemnii', 'gemini'],
  ['codx', 'codex'],
  ['cl', undefined],
  ['python', undefined],
])('%s is taken for %s', (word, expected) => {
  expect(closestName(word, ['claude', 'codex', 'gemini'])).toBe(expected);
});
