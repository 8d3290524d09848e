import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { entryOf, openParent } from './open-below.ts';

let directory: string;
let root: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-below-'));
  root = join(directory, 'root');
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/file'), 'inside');
  writeFileSync(join(directory, 'secret'), 'outside');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function read(path: string): Promise<string> {
  const { directory: parent, name } = await openParent(root, path);
  try {
    return readFileSync(entryOf(parent, name), 'utf8');
  } finally {
    await parent.close();
  }
}

test.each<[string, string, string]>([
  ['an absolute link', '/a', '/link/b/file'],
  ['a relative link', 'a/b', '/link/file'],
  ['a link that climbs above the root', '../../../../a', '/link/b/file'],
  ['a link at the end', '/a/b/file', '/link'],
])('%s is read from the root that was named', async (_, target, path) => {
  symlinkSync(target, join(root, 'link'));
  expect(await read(path)).toBe('inside');
});

test('what lies above the root or on the host cannot be named', async () => {
  symlinkSync(directory, join(root, 'host'));
  await expect(read('/host/secret')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(read('/a/../../secret')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('links that lead in circles end', async () => {
  symlinkSync('/two', join(root, 'one'));
  symlinkSync('/one', join(root, 'two'));
  await expect(read('/one/file')).rejects.toMatchObject({ code: 'ELOOP' });
});

test('the root itself is an entry, and may be named by a link', async () => {
  symlinkSync(root, join(directory, 'link'));
  const { directory: opened, name } = await openParent(join(directory, 'link'), '/');
  expect(name).toBe('.');
  expect(readFileSync(join(entryOf(opened, name), 'a/b/file'), 'utf8')).toBe('inside');
  await opened.close();
});
