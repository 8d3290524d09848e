import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileBeneath } from './beneath.ts';
import { emptyDirectory, isInside, makeDirectory, removeTree, writeFileAtomic } from './files.ts';
import { isSealed, writeSealedFile } from './sealed-file.ts';

let root: string;
/** Of somebody else, with one file that nobody may delete. */
let outside: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-files-'));
  outside = mkdtempSync(join(tmpdir(), 'ironcage-outside-'));
  writeFileSync(join(outside, 'precious'), 'x');
});
afterEach(() => [root, outside].forEach((path) => rmSync(path, { recursive: true, force: true })));

test('an atomic write replaces the file, keeps the mode asked for, and leaves nothing beside it', () => {
  const path = join(root, 'file');
  writeFileAtomic(path, 'one');
  writeFileAtomic(path, 'two', { mode: 0o640 });
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(lstatSync(path).mode & 0o777).toBe(0o640);
  expect(readdirSync(root)).toEqual(['file']);
});

test('a directory is made with its parents, for its owner alone, and may be there already', () => {
  const path = join(root, 'a/b/c');
  makeDirectory(path);
  makeDirectory(path);
  expect(['a', 'a/b', 'a/b/c'].map((name) => lstatSync(join(root, name)).mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
});

test('a directory that cannot be made is an error and no endless loop', () => {
  writeFileSync(join(root, 'file'), '');
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
  for (const path of [join(root, 'file'), join(root, 'file/a/b'), join(root, 'dangling/a'), '/proc/none/a/b']) {
    expect(() => makeDirectory(path), path).toThrow(expect.objectContaining({ syscall: 'mkdir' }));
  }
});

test('an atomic write that fails leaves the old file and nothing beside it', () => {
  mkdirSync(join(root, 'directory'));
  expect(() => writeFileAtomic(join(root, 'directory'), 'x')).toThrow();
  expect(readdirSync(root)).toEqual(['directory']);
});

test('a delete refuses what is outside its root, also through a link, and the root itself', () => {
  symlinkSync(outside, join(root, 'link'));
  for (const path of [outside, join(root, '..'), root, join(root, 'link', 'precious')]) {
    expect(() => removeTree(path, root)).toThrow(expect.objectContaining({ code: 'E_OUTSIDE_ROOT' }));
  }
  expect(existsSync(join(outside, 'precious'))).toBe(true);
});

test('a delete unlinks a link and does not follow it', () => {
  mkdirSync(join(root, 'tree'));
  symlinkSync(outside, join(root, 'tree', 'inner'));
  symlinkSync(outside, join(root, 'link'));
  removeTree(join(root, 'link'), root);
  removeTree(join(root, 'tree'), root);
  removeTree(join(root, 'never-there'), root);
  expect(readdirSync(root)).toEqual([]);
  expect(existsSync(join(outside, 'precious'))).toBe(true);
});

test('emptying a directory keeps it', () => {
  mkdirSync(join(root, 'a', 'b', 'c'), { recursive: true });
  writeFileSync(join(root, 'a', 'file'), '');
  // As a cage may name them, which Node cannot tell as text.
  const odd = Buffer.concat([Buffer.from(join(root, 'a', 'x')), Buffer.from([0xff])]);
  writeFileSync(odd, '');
  mkdirSync(Buffer.concat([odd, odd.subarray(-1)]));
  writeFileSync(Buffer.concat([odd, odd.subarray(-1), Buffer.from('/'), odd.subarray(-1)]), '');
  symlinkSync(outside, join(root, 'a', 'link'));
  emptyDirectory(join(root, 'a'), root);
  expect(readdirSync(join(root, 'a'))).toEqual([]);
  expect(readdirSync(outside)).toEqual(['precious']);
});

test('a directory that a link leads to is not emptied when it lies elsewhere', () => {
  symlinkSync(outside, join(root, 'a'));
  expect(() => emptyDirectory(join(root, 'a'), root)).toThrow(expect.objectContaining({ code: 'E_OUTSIDE_ROOT' }));
  expect(readdirSync(outside)).toEqual(['precious']);
});

test.each([
  ['/a/b', '/a', true],
  ['/a', '/a', true],
  ['/ab', '/a', false],
  ['/', '/a', false],
  ['/a', '/', true],
])('%s inside %s: %s', (path, directory, answer) => {
  expect(isInside(path, directory)).toBe(answer);
});

test('a file is created below a directory with its parents, and never twice', () => {
  expect(createFileBeneath(root, 'a/b/c', 'one', 0o600, undefined)).toBe(true);
  expect(createFileBeneath(root, 'a/b/c', 'two', 0o600, undefined)).toBe(false);
  expect(readFileSync(join(root, 'a/b/c'), 'utf8')).toBe('one');
});

test.each(['../x', 'a/../x', '/x', 'a//b', '', '.'])('the relative path %j is refused', (path) => {
  expect(() => createFileBeneath(root, path, 'x', 0o600, undefined)).toThrow();
});

test('a link in the way is not followed, neither as a parent nor as the file', () => {
  const outside = mkdtempSync(join(tmpdir(), 'ironcage-outside-'));
  symlinkSync(outside, join(root, 'parent'));
  symlinkSync(join(outside, 'target'), join(root, 'file'));
  expect(() => createFileBeneath(root, 'parent/x', 'x', 0o600, undefined)).toThrow();
  expect(createFileBeneath(root, 'file', 'x', 0o600, undefined)).toBe(false);
  expect(readdirSync(outside)).toEqual([]);
});

test('a sealed file is known again until one byte of it changes', () => {
  const path = join(root, 'sealed');
  writeSealedFile(path, '{"a":1}');
  expect(isSealed(path, '{"a":1}')).toBe(true);
  expect(isSealed(path, '{"a":2}')).toBe(false);
  rmSync(`${path}.seal`);
  expect(isSealed(path, '{"a":1}')).toBe(false);
});

test.skipIf(process.getuid?.() === 0)('a directory that its owner may not enter is deleted as well', () => {
  mkdirSync(join(root, 'a', 'b', 'c'), { recursive: true });
  chmodSync(join(root, 'a', 'b'), 0);
  removeTree(join(root, 'a'), root);
  expect(readdirSync(root)).toEqual([]);
});
