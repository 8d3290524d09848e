// The directory of a run as a hostile agent may have left it.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { busRun, type BusRun } from './bus-run.ts';

const ID = 'r-20261130-a1b2c3';
let directory: string;
let bus: string;
let inside: string;
let secret: string;
let run: BusRun;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-bus-run-'));
  bus = join(directory, 'bus');
  inside = join(bus, 'runs', ID);
  mkdirSync(inside, { recursive: true });
  secret = join(directory, 'host');
  mkdirSync(secret);
  writeFileSync(join(secret, 'status.json'), '{"state":"exited","beat":1,"exitCode":0}');
  writeFileSync(join(secret, 'stream.log'), 'of the host');
  run = busRun(bus, ID, undefined);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function read(name: string): string | undefined {
  const fd = run.open(name);
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(1000);
    return bytes.toString('utf8', 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

function status(text: string | Buffer): ReturnType<BusRun['status']> {
  writeFileSync(join(inside, 'status.json'), text);
  return run.status();
}

test('its plain files are read', () => {
  writeFileSync(join(inside, 'stream.log'), 'of the run');
  expect(read('stream.log')).toBe('of the run');
  expect(status('{"state":"exited","beat":7,"exitCode":3,"told":"control"}')).toEqual({
    ...{ state: 'exited', beat: 7, exitCode: 3, told: 'control', error: undefined },
  });
});

test.each<[string, () => void]>([
  ['nothing', () => undefined],
  ['a link to a file', () => symlinkSync(join(secret, 'stream.log'), join(inside, 'stream.log'))],
  ['a link to nothing', () => symlinkSync('/nowhere/x', join(inside, 'stream.log'))],
  ['a link to itself', () => symlinkSync('stream.log', join(inside, 'stream.log'))],
  ['a link to a device', () => symlinkSync('/dev/zero', join(inside, 'stream.log'))],
  ['a directory', () => mkdirSync(join(inside, 'stream.log'))],
  ['a FIFO that nobody writes', () => void execFileSync('mkfifo', [join(inside, 'stream.log')])],
])('%s in the place of its output is nothing to be read', (_, make) => {
  make();
  expect(read('stream.log')).toBeUndefined();
});

test.each<[string, () => void]>([
  ['the directory of the run', () => replaceByLink(inside)],
  ['the directory of all runs', () => replaceByLink(join(bus, 'runs'))],
  ['the bus', () => replaceByLink(bus)],
])('a link in the place of %s is not followed, to read, to write or to clear', (_, make) => {
  mkdirSync(join(secret, ID));
  for (const name of ['status.json', 'stream.log']) linkSync(join(secret, name), join(secret, ID, name));
  make();
  expect(read('stream.log')).toBeUndefined();
  expect(run.status()).toBeUndefined();
  expect(() => run.put('control.json', 'x')).toThrow();
  run.clear();
  expect(readdirSync(secret).sort()).toEqual([ID, 'status.json', 'stream.log']);
  expect(readdirSync(join(secret, ID)).sort()).toEqual(['status.json', 'stream.log']);
});

function replaceByLink(path: string): void {
  rmSync(path, { recursive: true });
  symlinkSync(secret, path);
}

test.each([
  ['no JSON', '{'],
  ['no record', '"exited"'],
  ['null', 'null'],
  ['a list', '[{"state":"exited"}]'],
  ['no state of a run', '{"state":"done","beat":1}'],
  ['a state of another type', '{"state":["exited"],"beat":1}'],
  ['what only the prototype has', '{"__proto__":{"state":"exited"}}'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 0x7b])],
  ['more than a supervisor writes', `{"state":"exited","x":"${'x'.repeat(20_000)}"}`],
])('a status that is %s is none', (_, text) => {
  expect(status(text)).toBeUndefined();
});

test.each([-1, 256, 1.5, '0', null, true])('%j is no exit code', (exitCode) => {
  const seen = status(JSON.stringify({ state: 'exited', beat: 'soon', exitCode, told: 'me', error: 5 }));
  expect(seen).toEqual({ state: 'exited', beat: 0, exitCode: undefined, told: undefined, error: undefined });
});

test('an error is told in short', () => {
  expect(status(JSON.stringify({ state: 'failed', beat: 1, error: 'e'.repeat(9_000) }))?.error).toHaveLength(500);
});

test('what lies in the place of a file that is to be put stays, and is not written through', () => {
  symlinkSync(join(secret, 'stream.log'), join(inside, 'control.json'));
  expect(run.put('control.json', 'written')).toBe(false);
  expect(readFileSync(join(secret, 'stream.log'), 'utf8')).toBe('of the host');
  expect(run.put('prompt', 'what to do')).toBe(true);
  expect(readFileSync(join(inside, 'prompt'), 'utf8')).toBe('what to do');
  expect(run.put('prompt', 'again')).toBe(false);
});

test('its own files go, links as links, and what the agent put beside them stays', () => {
  writeFileSync(join(inside, 'prompt'), 'what to do');
  symlinkSync(join(secret, 'stream.log'), join(inside, 'stream.log'));
  mkdirSync(join(inside, 'stderr.log'));
  writeFileSync(join(inside, 'mine'), 'of the agent');
  run.clear();
  expect(readdirSync(inside).sort()).toEqual(['mine', 'stderr.log']);
  expect(readFileSync(join(secret, 'stream.log'), 'utf8')).toBe('of the host');
  rmSync(join(inside, 'mine'));
  rmSync(join(inside, 'stderr.log'), { recursive: true });
  run.clear();
  expect(existsSync(inside)).toBe(false);
  expect(lstatSync(join(bus, 'runs')).isDirectory()).toBe(true);
  // Of what is gone nothing more goes.
  run.clear();
});
