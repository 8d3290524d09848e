import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyContext, readDockerfileText } from './build-context.ts';

let root: string;
let source: string;
let target: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-context-'));
  source = join(root, 'source');
  target = join(root, 'target');
  mkdirSync(join(source, 'sub'), { recursive: true });
  mkdirSync(target);
  writeFileSync(join(root, 'outside'), 'outside');
  writeFileSync(join(source, 'Dockerfile'), 'FROM a\n');
  writeFileSync(join(source, 'sub/file'), 'text');
});
afterEach(() => rmSync(root, { recursive: true }));

const copy = (): string[] => {
  copyContext(join(source, 'Dockerfile'), target);
  return list('').sort();
};

/** Node's own recursion follows links. */
const list = (directory: string): string[] =>
  readdirSync(join(target, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? [path, ...list(path)] : [path];
  });

test('files, empty directories and whether they can be executed are copied', () => {
  mkdirSync(join(source, 'empty'));
  chmodSync(join(source, 'sub/file'), 0o700);
  expect(copy()).toEqual(['Dockerfile', 'empty', 'sub', 'sub/file']);
  expect(readFileSync(join(target, 'sub/file'), 'utf8')).toBe('text');
  expect(statSync(join(target, 'sub/file')).mode & 0o777).toBe(0o755);
  expect(statSync(join(target, 'Dockerfile')).mode & 0o777).toBe(0o644);
});

test('links stay links, wherever they lead, and nothing behind them is read', () => {
  symlinkSync('../outside', join(source, 'file-link'));
  symlinkSync(root, join(source, 'directory-link'));
  expect(copy()).toEqual(['Dockerfile', 'directory-link', 'file-link', 'sub', 'sub/file']);
  expect(readlinkSync(join(target, 'file-link'))).toBe('../outside');
  expect(readlinkSync(join(target, 'directory-link'))).toBe(root);
});

test('what is no file is left out', () => {
  execFileSync('mkfifo', [join(source, 'pipe')]);
  expect(copy()).toEqual(['Dockerfile', 'sub', 'sub/file']);
});

test('what the ignore file names is neither read nor counted, and what it takes back is', () => {
  mkdirSync(join(source, 'big/deep'), { recursive: true });
  writeFileSync(join(source, 'big/huge'), '');
  truncateSync(join(source, 'big/huge'), 2 ** 30);
  writeFileSync(join(source, 'big/deep/wanted'), 'x');
  writeFileSync(join(source, '.dockerignore'), 'big\n.dockerignore\n!big/deep/wanted\n');
  expect(copy()).toEqual(['Dockerfile', 'big', 'big/deep', 'big/deep/wanted', 'sub', 'sub/file']);
});

test('an ignore file of the Dockerfile’s own takes the place of the directory’s', () => {
  writeFileSync(join(source, '.dockerignore'), '**\n');
  writeFileSync(join(source, 'Dockerfile.dockerignore'), '*ignore\nsub\n');
  expect(copy()).toEqual(['Dockerfile']);
});

test('a directory that is too large is refused with its bound and the way out', () => {
  writeFileSync(join(source, 'huge'), '');
  truncateSync(join(source, 'huge'), 513 * 2 ** 20);
  expect(copy).toThrow(
    expect.objectContaining({
      code: 'E_USAGE',
      because: expect.stringContaining('512 MB'),
      hint: expect.stringContaining('.dockerignore'),
    }),
  );
  expect(existsSync(join(target, 'huge'))).toBe(false);
});

test.each<[string, (path: string) => void, RegExp]>([
  ['a link', (path) => symlinkSync('../outside', path), /link/],
  ['a pipe', (path) => execFileSync('mkfifo', [path]), /no file/],
  ['a directory', (path) => mkdirSync(path), /no file/],
  ['larger than any Dockerfile', (path) => (writeFileSync(path, ''), truncateSync(path, 2 ** 21)), /1 MB/],
])('a Dockerfile or an ignore file that is %s is refused', (_, make, because) => {
  const refused = expect.objectContaining({ code: 'E_USAGE', because: expect.stringMatching(because) });
  make(join(source, 'named'));
  expect(() => readDockerfileText(join(source, 'named'))).toThrow(refused);
  make(join(source, '.dockerignore'));
  expect(copy).toThrow(refused);
});

test('a Dockerfile that is not there is refused', () => {
  expect(() => readDockerfileText(join(source, 'absent'))).toThrow(/there is no file/);
});
