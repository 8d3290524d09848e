import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytePath, joinRecords, pathBytes, splitRecords, unsafeComponent } from './byte-path.ts';

test.each([
  '.git',
  '.GIT',
  '.Git ',
  '.git.',
  '.git...',
  'GIT~1',
  'git~1',
  '.git::$INDEX_ALLOCATION',
  '.git\\x',
  '..',
  '.',
  '',
  'a/b',
])('the component %j is refused', (name) => expect(unsafeComponent(name)).toBeTypeOf('string'));

test('a .git with characters that HFS+ ignores is refused', () => {
  expect(unsafeComponent(bytePath(Buffer.from('.g\u200cit')))).toBeTypeOf('string');
});

test.each(['.gitignore', '.github', 'git', 'a.git', '...', 'ü', ' .git'])('the component %j is fine', (name) => {
  expect(unsafeComponent(name)).toBeUndefined();
});

test('any bytes survive as a path and as records', () => {
  const names = fc.array(fc.uint8Array({ minLength: 1 }).filter((bytes) => !bytes.includes(0)));
  fc.assert(
    fc.property(names, (all) => {
      const paths = all.map(bytePath);
      expect(splitRecords(joinRecords(paths))).toEqual(paths);
      expect(paths.map((path) => [...pathBytes(path)])).toEqual(all.map((bytes) => [...bytes]));
    }),
  );
});
