// Further directories of a cage from the command line: added and taken away while everything else of it stays, each with a change of
// its own, and whole or gone after a crash between any two steps.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { snapshotOf } from '../support/host-snapshot.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));

let sandbox: Sandbox;
let project: string;
let lib: string;
let notes: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  lib = sandbox.project('p-lib', { 'lib.txt': 'lib\n' });
  notes = join(sandbox.directory, 'notes');
  mkdirSync(notes);
  writeFileSync(join(notes, 'n.txt'), 'note\n');
});
afterAll(() => sandbox.close());

async function ok(...args: string[]): Promise<string> {
  const result = await sandbox.run(args);
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result.stdout;
}

test('a run with further directories has them at their own paths, and their changes come back one by one', async () => {
  const before = snapshotOf(lib);
  const inside = `echo new >${lib}/made.txt; echo more >>${notes}/n.txt; cat ${lib}/lib.txt`;
  const options = ['--name', 'several', '--add-dir', lib, '--add-dir', notes];
  const run = await sandbox.run(['run', 'shell', ...options, '--', 'sh', '-c', inside], { cwd: project });
  expect([run.exitCode, run.stdout], run.stderr).toEqual([0, 'lib\n']);
  expect(run.stderr).toContain('changed in p-lib: 1 file (1 added)');
  expect(run.stderr).toContain('then ironcage apply several --all');
  expect(snapshotOf(lib)).toEqual(before);
  const diff = (await sandbox.run(['diff', 'several', '--all', '--json'])).json();
  expect(diff).toMatchObject({
    directories: [
      { dir: '', files: [] },
      { dir: 'p-lib', files: [{ path: 'made.txt', change: 'added' }] },
      { dir: 'notes', files: [{ path: 'n.txt', change: 'modified' }] },
    ],
  });
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ name: 'several', unexported: true }]);
  const refused = await sandbox.run(['rm', '-y', 'several', '--json']);
  const files = ['notes: n.txt', 'p-lib: made.txt'];
  expect(refused.told()).toMatchObject({ error: { code: 'E_UNEXPORTED', details: { files } } });
  await ok('apply', 'several', '--dir', 'p-lib', '-y');
  expect(readFileSync(join(lib, 'made.txt'), 'utf8')).toBe('new\n');
  expect(readFileSync(join(notes, 'n.txt'), 'utf8')).toBe('note\n');
  await ok('apply', 'several', '--all', '-y');
  expect(readFileSync(join(notes, 'n.txt'), 'utf8')).toBe('note\nmore\n');
  await ok('rm', '-y', 'several');
});

test('a directory comes and goes while the rest of a running cage stays, and its work is named first', async () => {
  await ok('create', project, '--name', 'grows', '--port', '0:8080');
  await ok('exec', 'grows', '--', 'sh', '-c', 'echo kept >work.txt; echo kept >~/home.txt');
  const ports = (await sandbox.run(['ports', 'grows', '--json'])).json();
  await ok('add-dir', 'grows', lib, '--name', 'mine');
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ name: 'grows', status: 'running' }]);
  const shown = (await sandbox.run(['show', 'grows', '--json'])).json();
  expect(shown).toMatchObject({ dirs: [{ name: 'mine', path: lib }] });
  expect(shown).toHaveProperty('exposure', expect.stringContaining(`its copy of ${lib}`));
  expect(await ok('exec', 'grows', '--', 'sh', '-c', `cat work.txt ~/home.txt; echo only >${lib}/only`)).toBe(
    'kept\nkept\n',
  );
  expect((await sandbox.run(['ports', 'grows', '--json'])).json()).toEqual(ports);
  const refused = await sandbox.run(['remove-dir', 'grows', 'mine', '-y', '--json']);
  expect([refused.exitCode, refused.told()]).toMatchObject([
    126,
    { error: { code: 'E_UNEXPORTED', details: { files: ['mine: only'] } } },
  ]);
  await ok('remove-dir', 'grows', 'mine', '--discard');
  expect(await ok('exec', 'grows', '--', 'sh', '-c', `cat work.txt; ls ${lib} 2>/dev/null || :`)).toBe('kept\n');
  expect(existsSync(join(lib, 'only'))).toBe(false);
  expect(readdirSync(join(sandbox.dataRoot, 'cages/grows/dirs'))).toEqual([]);
  await ok('rm', '-y', '--discard', 'grows');
});

test('a cage that is in use keeps its directories', async () => {
  await ok('create', project, '--name', 'busy', '--add-dir', notes);
  const { child, result } = sandbox.start(['exec', 'busy', '--', 'sh', '-c', 'echo up; cat'], { keepInput: true });
  await new Promise((up) => child.stdout.once('data', up));
  for (const args of [
    ['add-dir', 'busy', lib],
    ['remove-dir', 'busy', 'notes'],
  ])
    expect((await sandbox.run([...args, '--json'])).told()).toMatchObject({ error: { code: 'E_LOCKED' } });
  child.stdin.end();
  expect((await result).exitCode).toBe(0);
  expect((await sandbox.run(['show', 'busy', '--json'])).json()).toMatchObject({ dirs: [{ name: 'notes' }] });
  await ok('rm', '-y', 'busy');
});

test.skipIf(process.getuid?.() !== 0)('a read-only mounted cage gets further directories read-only', async () => {
  await ok('create', project, '--name', 'looks', '--workspace', 'mount-ro', '--add-dir', lib);
  const script = `cat ${lib}/lib.txt; echo x >${lib}/x 2>/dev/null || echo refused; ls ${lib}/.git/hooks | wc -l`;
  expect(await ok('exec', 'looks', '--', 'sh', '-c', script)).toBe('lib\nrefused\n0\n');
  await ok('rm', '-y', 'looks');
});

describe('a crash', () => {
  const ADD = ['announced', 'workspace prepared', 'spec written', 'written'].map((step) => `add-dir: ${step}`);
  const REMOVE = ['announced', 'spec written', 'gone'].map((step) => `remove-dir: ${step}`);
  const has = async (): Promise<unknown> => {
    const shown = (await sandbox.run(['show', 'crash', '--json'])).json();
    return typeof shown === 'object' && shown !== null && 'dirs' in shown ? shown.dirs : undefined;
  };
  /** What is left is the old state or the new one, whole, once a command has been given. */
  async function expectState(isThere: boolean): Promise<void> {
    const inside = `cat work.txt; cat ${lib}/lib.txt 2>/dev/null || :`;
    expect(await ok('exec', 'crash', '--', 'sh', '-c', inside)).toBe(`only here\n${isThere ? 'lib\n' : ''}`);
    expect(await has()).toMatchObject(isThere ? [{ name: 'p-lib' }] : []);
    const stores = join(sandbox.dataRoot, 'cages/crash/dirs');
    expect(existsSync(stores) ? readdirSync(stores) : []).toEqual(isThere ? ['p-lib'] : []);
    expect(existsSync(join(sandbox.dataRoot, 'cages/crash/changing-dirs.json'))).toBe(false);
    await ok('stop', 'crash');
  }
  function operate(operation: string, last?: number): string[] {
    const args = [CHILD, operation, 'crash', project, ...(last === undefined ? [] : [String(last)])];
    const child = spawnSync(process.execPath, args, { env: sandbox.env, encoding: 'utf8', timeout: 60_000 });
    if (last === undefined) expect(child.stderr).toBe('');
    else expect(child.signal).toBe('SIGKILL');
    return child.stdout.split('\n').filter(Boolean);
  }

  beforeAll(async () => {
    await ok('create', project, '--name', 'crash');
    await ok('exec', 'crash', '--', 'sh', '-c', 'echo only here >work.txt');
    await ok('stop', 'crash');
  });
  afterAll(() => ok('rm', '-y', '--discard', 'crash'));

  test('add-dir and remove-dir have these steps', () => {
    expect(operate('add-dir')).toEqual(ADD);
    expect(operate('remove-dir')).toEqual(REMOVE);
  });

  test.each(ADD.map((step, number) => ({ step, number })))('$step', async ({ step, number }) => {
    if ((await has())?.toString() !== '') operate('remove-dir');
    expect(operate('add-dir', number)).toEqual(ADD.slice(0, number + 1));
    if (step === 'add-dir: workspace prepared') {
      expect(await ok('doctor', '--json')).toContain('half added or half removed');
      await ok('doctor', '--fix');
    }
    await expectState(ADD.indexOf(step) >= 2);
  });

  test.each(REMOVE.map((step, number) => ({ step, number })))('$step', async ({ step, number }) => {
    if ((await has())?.toString() === '') operate('add-dir');
    expect(operate('remove-dir', number)).toEqual(REMOVE.slice(0, number + 1));
    await expectState(REMOVE.indexOf(step) === 0);
  });
});
