import { expect, test } from 'vitest';
import { absoluteEntries } from './environment.ts';

test.each([
  ['/usr/bin:/bin', '/usr/bin:/bin'],
  [':/usr/bin', '/usr/bin'],
  ['/usr/bin:', '/usr/bin'],
  ['/usr/bin::/bin', '/usr/bin:/bin'],
  ['.:bin:../x:/bin', '/bin'],
  ['.', undefined],
  ['', undefined],
  [undefined, undefined],
])('of the PATH %j there remains %j', (path, remains) => {
  expect(absoluteEntries(path)).toBe(remains);
});
