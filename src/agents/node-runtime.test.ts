import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeRuntime } from './node-runtime.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ironcage-node-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('the system’s Node needs no bind', () => {
  expect(nodeRuntime({ node: '/usr/bin/node' }, home)).toEqual({
    program: '/usr/bin/node',
    binDirectory: '/usr/bin',
    readOnly: [],
  });
});

test('a Node with a prefix of its own brings its programs and npm, and no other global package', () => {
  const prefix = join(home, '.nvm/versions/node/v22.9.0');
  mkdirSync(join(prefix, 'lib/node_modules/npm'), { recursive: true });
  expect(nodeRuntime({ node: join(prefix, 'bin/node') }, home).readOnly).toEqual([
    join(prefix, 'bin'),
    join(prefix, 'lib/node_modules/npm'),
  ]);
});

test.each(['', '.local'])('a Node among the user’s own programs (~/%s) comes alone', (shared) => {
  const prefix = join(home, shared);
  mkdirSync(join(prefix, 'lib/node_modules/npm'), { recursive: true });
  expect(nodeRuntime({ node: join(prefix, 'bin/node') }, home).readOnly).toEqual([join(prefix, 'bin/node')]);
});

test('a prefix above the home is not a prefix of Node’s own', () => {
  mkdirSync(join(home, 'lib/node_modules/npm'), { recursive: true });
  const below = join(home, 'users/me');
  expect(nodeRuntime({ node: join(home, 'bin/node') }, below).readOnly).toEqual([join(home, 'bin/node')]);
});
