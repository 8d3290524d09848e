import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { searchFiles, searchProcesses } from './secret-search.ts';

const VALUE = 'value-5f0c1d';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-search-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a value is found in any file at any depth', async () => {
  mkdirSync(join(directory, 'a/b'), { recursive: true });
  writeFileSync(join(directory, 'a/b/deep'), `x${VALUE}y`);
  writeFileSync(join(directory, 'other'), 'nothing');
  expect(await searchFiles(directory, VALUE)).toEqual({
    found: [join(directory, 'a/b/deep')],
    unread: [],
    searched: 2,
  });
});

test.each([64 * 1024 - 3, 64 * 1024 - VALUE.length, 64 * 1024, 128 * 1024 - 1])(
  'a value at byte %i is found, also where it spans two reads',
  async (offset) => {
    writeFileSync(join(directory, 'large'), Buffer.concat([Buffer.alloc(offset, 'v'), Buffer.from(VALUE)]));
    expect((await searchFiles(directory, VALUE)).found).toHaveLength(1);
  },
);

test('what is excepted is not entered, and links are not followed', async () => {
  mkdirSync(join(directory, 'work'));
  writeFileSync(join(directory, 'work/file'), VALUE);
  writeFileSync(join(directory, 'single'), VALUE);
  symlinkSync(join(directory, 'work'), join(directory, 'link'));
  const except = [join(directory, 'work'), join(directory, 'single')];
  expect(await searchFiles(directory, VALUE, { except })).toEqual({ found: [], unread: [], searched: 0 });
});

test('a directory that is not there is searched by having nothing in it', async () => {
  expect(await searchFiles(join(directory, 'none'), VALUE)).toEqual({ found: [], unread: [], searched: 0 });
});

test('a single file is searched itself', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, VALUE);
  expect(await searchFiles(file, VALUE)).toEqual({ found: [file], unread: [], searched: 1 });
});

test('what cannot be looked at is said, and not taken for empty', async () => {
  const looped = join(directory, 'looped');
  symlinkSync(looped, looped);
  expect((await searchFiles(join(looped, 'inner'), VALUE)).unread).toEqual([join(looped, 'inner')]);
});

test('an absolute link in the place of a directory leads to what it means in that root, not on the host', async () => {
  const root = join(directory, 'root');
  const host = join(directory, 'host');
  for (const each of [root, host]) mkdirSync(join(each, 'work'), { recursive: true });
  writeFileSync(join(host, 'work/file'), VALUE);
  symlinkSync(host, join(root, 'swapped'));
  symlinkSync('/work', join(root, 'moved'));
  const swapped = await searchFiles(join(root, 'swapped/work'), VALUE, { root });
  expect(swapped).toEqual({ found: [], unread: [], searched: 0 });
  writeFileSync(join(root, 'work/file'), VALUE);
  const moved = join(root, 'moved');
  expect(await searchFiles(moved, VALUE, { root })).toEqual({ found: [join(moved, 'file')], unread: [], searched: 1 });
});

test('a directory that is swapped for a link to the host all the time never shows the files of the host', async () => {
  const root = join(directory, 'root');
  const host = join(directory, 'host');
  for (const each of [join(root, 'a/b'), host]) mkdirSync(each, { recursive: true });
  writeFileSync(join(root, 'a/b/file'), 'nothing');
  writeFileSync(join(host, 'file'), VALUE);
  symlinkSync(host, join(root, 'link'));
  const swapping = `const { renameSync: to } = require('node:fs');
    process.stdout.write('ready');
    for (;;) { to('a/b', 'kept'); to('link', 'a/b'); to('a/b', 'link'); to('kept', 'a/b'); }`;
  const child = spawn(process.execPath, ['-e', swapping], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const found = new Set<string>();
    for (let round = 0; round < 1000; round += 1) {
      for (const path of (await searchFiles(join(root, 'a'), VALUE, { root })).found) found.add(path);
    }
    expect([...found]).toEqual([]);
    expect(child.exitCode).toBeNull();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});

test('a tree that is deeper than any that is searched is said to be unread', async () => {
  const levels = Array.from({ length: 300 }, () => 'd');
  mkdirSync(join(directory, ...levels), { recursive: true });
  writeFileSync(join(directory, ...levels, 'file'), VALUE);
  expect((await searchFiles(directory, VALUE)).unread).toEqual([join(directory, ...levels.slice(0, 257))]);
});

test('arguments and environments of the processes of one namespace are searched', async () => {
  // Another part of its name and of its value stand here than in any process that runs this test.
  const wanted = ['value', 'of', String(process.pid), 'x'].join('-');
  const child = spawn('cat', ['-', wanted], { env: { PROBE: wanted }, stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const { found, searched } = searchProcesses(process.pid, wanted);
  expect(found).toEqual([`/proc/${child.pid}/environ`, `/proc/${child.pid}/cmdline`]);
  expect(searched).toBeGreaterThan(2);
  child.kill();
  await once(child, 'close');
});
