import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { languageTotals } from './language-totals.ts';
import type { DiffFile } from './tree-diff.ts';

const file = (path: string, insertions = 1, deletions = 0, binary = false): DiffFile => ({
  ...{ path, insertions, deletions, binary },
  ...{ change: 'modified', hostExecutable: false },
});

test.each([
  ['src/a.ts', 'TypeScript'],
  ['a.d.ts', 'TypeScript'],
  ['README.md', 'Markdown'],
  ['Makefile', 'Makefile'],
  ['deep/DOCKERFILE', 'Dockerfile'],
  ['x.H', 'C'],
  ['a.rs', 'Rust'],
  ['go.mod', 'Go Module'],
  ['a.m', 'Objective-C'],
  ['.gitignore', 'Ignore List'],
  ['notes', 'other'],
  ['a.', 'other'],
  ['.ts/notes', 'other'],
  ['constructor', 'other'],
  ['a.toString', 'other'],
])('%s is %s', (path, language) => {
  expect(languageTotals([file(path)])).toMatchObject([{ language }]);
});

test('files and lines are added up by language, most lines first, and binary files stand by themselves', () => {
  const files = [file('a.py', 1, 1), file('b.ts', 5, 2), file('c.ts', 0, 3), file('d.ts', 0, 0, true)];
  expect(languageTotals(files)).toEqual([
    { language: 'TypeScript', files: 2, insertions: 5, deletions: 5 },
    { language: 'Python', files: 1, insertions: 1, deletions: 1 },
    { language: 'binary', files: 1, insertions: 0, deletions: 0 },
  ]);
});

test('the list is what the package says; node scripts/generate-languages.mjs writes it anew', () => {
  const script = fileURLToPath(new URL('../../scripts/generate-languages.mjs', import.meta.url));
  const listed = execFileSync(process.execPath, [script, '--print'], { encoding: 'utf8' });
  expect(readFileSync(new URL('languages.json', import.meta.url), 'utf8')).toBe(listed);
});
