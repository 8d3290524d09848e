// What V8 compiled of the command line is kept in the data root: used by the next call of the same command, never when anybody
// else could have written it, and nothing but time is lost without it.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let kept: string;
beforeEach(async () => {
  sandbox = openSandbox();
  mkdirSync(sandbox.dataRoot, { mode: 0o700 });
  await list();
  const [version = ''] = readdirSync(join(sandbox.dataRoot, 'code'));
  kept = join(sandbox.dataRoot, 'code', version, 'list');
});
afterEach(() => sandbox.close());

async function list(): Promise<void> {
  const { exitCode, stdout } = await sandbox.run(['list', '--json']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '[]\n' });
}

/** Written anew, a file is another one. */
function written(): { ino: number; mode: number; uid: number; size: number } {
  const { ino, mode, uid, size } = statSync(kept);
  return { ino, mode: mode & 0o777, uid, size };
}

test('the code of a command is kept for the next call, for this user alone', async () => {
  const first = written();
  expect(first).toMatchObject({ mode: 0o600, uid: process.getuid?.() });
  expect(first.size).toBeGreaterThan(100_000);
  await list();
  // V8 took all of it: what it refuses is written anew.
  expect(written()).toEqual(first);
  await sandbox.run(['prune', '--dry-run']);
  expect(readdirSync(join(kept, '..')).sort()).toEqual(['list', 'prune']);
});

test('code that is cut off, or made for other sources, is not used, and replaced', async () => {
  const first = written();
  truncateSync(kept, first.size - 1000);
  await list();
  expect(written().size).toBeGreaterThan(first.size - 1000);
  expect(written().ino).not.toBe(first.ino);
  const other = readFileSync(kept);
  // The flags and the version that V8 wrote: see its own check of what it is given.
  other.fill(0xff, other.readUInt32LE(0) + 4, other.readUInt32LE(0) + 36);
  writeFileSync(kept, other);
  await list();
  expect(readFileSync(kept).equals(other)).toBe(false);
});

const FOREIGN: [string, (file: string) => void][] = [
  ['that others may write', (file) => chmodSync(file, 0o622)],
  ['of another user', (file) => chownSync(file, 65_534, 65_534)],
];

test.each(process.getuid?.() === 0 ? FOREIGN : FOREIGN.slice(0, 1))('code %s is not used', async (_name, open) => {
  open(kept);
  await list();
  expect(written()).toMatchObject({ mode: 0o600, uid: process.getuid?.() });
});

test('nothing is kept where there is no data root, or one that others may write', async () => {
  rmSync(sandbox.dataRoot, { recursive: true });
  await list();
  expect(existsSync(sandbox.dataRoot)).toBe(false);
  mkdirSync(sandbox.dataRoot);
  chmodSync(sandbox.dataRoot, 0o777);
  await list();
  expect(readdirSync(sandbox.dataRoot)).toEqual([]);
});
