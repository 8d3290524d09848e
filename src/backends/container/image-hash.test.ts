import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashInputs, readRecipeFiles, type ImageInputs } from './image-hash.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'recipe-'));
  mkdirSync(join(directory, 'sub'));
  writeFileSync(join(directory, 'Dockerfile'), 'FROM x\n');
  writeFileSync(join(directory, 'sub/b.sh'), 'b\n');
  writeFileSync(join(directory, 'a.sh'), 'a\n');
});
afterEach(() => rmSync(directory, { recursive: true }));

const inputs = (changes: Partial<ImageInputs> = {}): string =>
  hashInputs({
    files: readRecipeFiles(directory),
    arguments: { PARENT: 'p', PACKAGES: 'git jq' },
    parentId: '1'.repeat(64),
    pins: ['just@1 sha512-a', 'node@2 sha512-b'],
    platform: 'linux/amd64',
    ...changes,
  });

test('the same inputs give the same hash, in whatever order they come', () => {
  expect(inputs()).toMatch(/^[0-9a-f]{64}$/);
  expect(inputs({ arguments: { PACKAGES: 'git jq', PARENT: 'p' } })).toBe(inputs());
  expect(inputs({ pins: ['node@2 sha512-b', 'just@1 sha512-a'] })).toBe(inputs());
  expect(inputs({ files: readRecipeFiles(directory) })).toBe(inputs());
});

test.each<[string, Partial<ImageInputs>]>([
  ['an argument’s value', { arguments: { PARENT: 'p', PACKAGES: 'git' } }],
  ['an argument’s name', { arguments: { PARENT: 'p', PACKAGE: 'git jq' } }],
  ['one argument more', { arguments: { PARENT: 'p', PACKAGES: 'git jq', UV: '' } }],
  ['another parent under the same name', { parentId: '2'.repeat(64) }],
  ['another version of what is fetched', { pins: ['just@1 sha512-a', 'node@3 sha512-b'] }],
  ['other bytes of the same version', { pins: ['just@1 sha512-c', 'node@2 sha512-b'] }],
  ['one thing less to fetch', { pins: ['just@1 sha512-a'] }],
  ['another platform', { platform: 'linux/arm64' }],
])('%s gives another hash', (_, changes) => {
  expect(inputs(changes)).not.toBe(inputs());
});

test('a link counts by where it leads, and what lies there does not', () => {
  symlinkSync('..', join(directory, 'link'));
  symlinkSync('absent', join(directory, 'broken'));
  const before = inputs();
  expect(readRecipeFiles(directory).map(({ path }) => path)).toEqual([
    'Dockerfile',
    'a.sh',
    'broken',
    'link',
    'sub/',
    'sub/b.sh',
  ]);
  rmSync(join(directory, 'link'));
  symlinkSync('../..', join(directory, 'link'));
  expect(inputs()).not.toBe(before);
});

test.each<[string, () => void]>([
  ['the Dockerfile’s text', () => writeFileSync(join(directory, 'Dockerfile'), 'FROM y\n')],
  ['a copied file’s text', () => writeFileSync(join(directory, 'sub/b.sh'), 'c\n')],
  ['a file more', () => writeFileSync(join(directory, 'sub/c.sh'), '')],
  ['a file less', () => rmSync(join(directory, 'a.sh'))],
  ['a file’s name', () => renameSync(join(directory, 'a.sh'), join(directory, 'z.sh'))],
  ['an empty directory more', () => mkdirSync(join(directory, 'empty'))],
  [
    'a link in a file’s place',
    () => (rmSync(join(directory, 'a.sh')), symlinkSync('sub/b.sh', join(directory, 'a.sh'))),
  ],
  ['that a file can be executed', () => chmodSync(join(directory, 'a.sh'), 0o755)],
])('%s gives another hash', (_, change) => {
  const before = inputs();
  change();
  expect(inputs()).not.toBe(before);
});
