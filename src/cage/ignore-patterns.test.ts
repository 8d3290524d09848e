import { assert, constantFrom, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { parseIgnorePatterns } from './ignore-patterns.ts';

test.each<[string, readonly string[], readonly string[]]>([
  ['node_modules', ['node_modules', 'node_modules/a/b'], ['sub/node_modules', 'node_modules2']],
  ['**/node_modules', ['node_modules', 'a/b/node_modules/c'], ['a/node_modulesx']],
  ['/dist/\n./out//', ['dist/a', 'out'], ['a/dist']],
  ['*.log', ['a.log'], ['sub/a.log', 'a.logs']],
  ['*/*.log', ['sub/a.log'], ['a.log', 'a/b/c.log']],
  ['**/*.log', ['a.log', 'a/b/c.log'], ['a/b']],
  ['docs/**', ['docs/a', 'docs/a/b'], ['docs']],
  ['file?.[ab-d]', ['file1.a', 'file1.c'], ['file.a', 'file1.e']],
  ['[^a]x', ['bx'], ['ax']],
  ['# remark\n\n  spaced  ', ['spaced'], ['# remark']],
  ['*\n!src', ['a', 'srcs'], ['src', 'src/deep/file']],
  ['*\n!src\nsrc/secret', ['src/secret', 'b'], ['src/public']],
  ['.git\n.env*', ['.git/config', '.env.local'], ['a/.git']],
  ['a\\*b', ['a*b'], ['axb']],
  ['a+(b)', ['a+(b)'], ['aab']],
  ['[z-a]', ['[z-a]'], ['z']],
])('%j', (text, excluded, kept) => {
  const patterns = parseIgnorePatterns(text);
  for (const path of excluded) expect([path, patterns.excludes(path)]).toEqual([path, true]);
  for (const path of kept) expect([path, patterns.excludes(path)]).toEqual([path, false]);
});

test('only what may be taken back makes excluded directories be walked through', () => {
  expect(parseIgnorePatterns('*\n!a').hasExceptions).toBe(true);
  expect(parseIgnorePatterns('*\n#!a').hasExceptions).toBe(false);
});

test('no text makes it throw', () => {
  const text = string({
    unit: constantFrom('*', '?', '[', ']', '^', '!', '\\', '/', '-', '.', '\n', 'a', '{', '('),
  });
  assert(
    property(text, text, (patterns, path) => {
      expect(typeof parseIgnorePatterns(patterns).excludes(path)).toBe('boolean');
    }),
    { numRuns: 10_000 },
  );
});
