import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRepository, userGit } from '../../test/support/repositories.ts';
import { compileGlob, parseIgnoreFile } from './ignore-pattern.ts';
import { isIgnored } from './ignore-rules.ts';

test.each([
  ['*.log', 'a.log', true],
  ['*.log', 'd/a.log', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/b', 'a/xb', false],
  ['**/b', 'b', true],
  ['**/b', 'x/b', true],
  ['**/b', 'xb', false],
  ['a/**', 'a/x/y', true],
  ['a/**', 'a', false],
  ['***/b', 'x/y/b', true],
  ['a/****', 'a/x/y', true],
  ['**\\/b', 'x/y/b', true],
  ['**\\/b', 'b', false],
  ['a**b', 'axxb', true],
  ['a**b', 'ax/xb', false],
  ['[a-c]?', 'bx', true],
  ['[!a-c]?', 'bx', false],
  ['[]x]', ']', true],
  ['[[:digit:]]', '7', true],
  ['[a', '[a', false],
  ['\\*', '*', true],
  ['\\*', 'x', false],
])('the glob %s on %s gives %s', (glob, path, expected) => {
  expect(compileGlob(glob)(path)).toBe(expected);
});

test('a pattern made to be slow is not', () => {
  const match = compileGlob(`${'*a'.repeat(200)}b`);
  const start = process.cpuUsage();
  expect(match('a'.repeat(4000))).toBe(false);
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(5000);
});

test('what git ignores is what we ignore', () => {
  const root = createRepository({ a: '1' });
  const paths = ['a', 'ab', 'b.c', 'a b', 'd/a', 'd/e/b.c', 'd/e/f/a', '#x', '!y', 'd/x ', '[z]', 'a\\b'];
  for (const path of paths) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), '');
  }
  const piece = fc.constantFrom(
    'a',
    'b',
    'd',
    'e',
    '*',
    '**',
    '?',
    '/',
    '.c',
    '!',
    '#',
    ' ',
    '\\',
    '[',
    ']',
    '-',
    '^',
    '[a-d]',
  );
  const line = fc.array(piece, { maxLength: 7 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), (lines) => {
      const text = lines.join('\n');
      writeFileSync(join(root, '.git/info/exclude'), text);
      const listed = userGit(root, 'ls-files', '-o', '-z', '--exclude-from=.git/info/exclude').split('\0');
      const rules = { directory: '', patterns: parseIgnoreFile(text), outer: undefined };
      const ours = paths.filter((path) => {
        const parts = path.split('/');
        return parts.some((_, index) =>
          isIgnored(rules, parts.slice(0, index + 1).join('/'), index + 1 < parts.length),
        );
      });
      // The file `a` is tracked: git lists it neither way.
      expect(ours.filter((path) => path !== 'a')).toEqual(
        paths.filter((path) => path !== 'a' && !listed.includes(path)),
      );
    }),
    { numRuns: 300, examples: [[['a**/**']], [['d/e**/**']], [['a\\**/**']], [['***/a']], [['**\\/a']]] },
  );
});
