// A data root that was damaged, or that others may write to: said clearly, mended where that loses nothing.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const CAGE = 'shop';
let sandbox: Sandbox;
let project: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  const made = await sandbox.run(['run', 'shell', project, '--name', CAGE, '--', 'sh', '-c', 'echo mine > work.txt']);
  expect(made.exitCode).toBe(0);
});
afterAll(() => sandbox.close());

const fileOf = (name: string): string => join(sandbox.dataRoot, 'cages', CAGE, name);

async function expectWork(): Promise<void> {
  expect((await sandbox.run(['diff', CAGE, '--json'])).json()).toMatchObject({ files: [{ path: 'work.txt' }] });
  expect((await sandbox.run(['exec', CAGE, '--', 'cat', 'work.txt'])).stdout).toBe('mine\n');
  expect((await sandbox.run(['stop', CAGE])).exitCode).toBe(0);
}

function edit(change: (spec: Record<string, unknown>) => object): (text: string) => string {
  return (text) => JSON.stringify(change(JSON.parse(text)));
}

describe('a broken spec', () => {
  let whole: string;
  beforeEach(() => {
    whole = readFileSync(fileOf('spec.json'), 'utf8');
  });
  afterEach(() => writeFileSync(fileOf('spec.json'), whole));
  test.each([
    ['that is empty', () => '', /JSON/],
    ['that is cut off', (text: string) => text.slice(0, 40), /JSON/],
    ['that is a list', () => '[]', /./],
    ['with an unknown key', edit((spec) => ({ ...spec, colour: 'red' })), /colour/],
    ['with a wrong type', edit((spec) => ({ ...spec, rules: 'npm' })), /rules/],
    ['of a later version', edit((spec) => ({ ...spec, version: 99 })), /version/],
    ['of another cage', edit((spec) => ({ ...spec, name: 'other' })), /name/],
    ['that leads out of the data root', edit((spec) => ({ ...spec, name: '../../p' })), /name/],
    ['with a network mode that does not exist', edit((spec) => ({ ...spec, net: 'everything' })), /net/],
  ])('%s is named with its key, and mending it loses nothing', async (_what, damage, because) => {
    writeFileSync(fileOf('spec.json'), damage(whole));
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([
      { name: CAGE, status: 'broken', unexported: true },
    ]);
    for (const args of [
      ['show', CAGE],
      ['start', CAGE],
      ['exec', CAGE, '--', 'true'],
      ['policy', 'allow', CAGE, 'a.example'],
    ]) {
      const result = await sandbox.run([args[0] ?? '', '--json', ...args.slice(1)]);
      expect(result.exitCode, args.join(' ')).toBe(125);
      expect(result.told(), args.join(' ')).toMatchObject({
        error: {
          code: 'E_SPEC_BROKEN',
          because: expect.stringMatching(because),
          details: { path: fileOf('spec.json') },
        },
      });
    }
    expect((await sandbox.run(['rm', '-y', CAGE])).exitCode).toBe(126);
    expect((await sandbox.run(['doctor', '--json'])).exitCode).toBe(125);
    writeFileSync(fileOf('spec.json'), whole);
    expect((await sandbox.run(['show', CAGE, '--json'])).json()).toMatchObject({ status: 'stopped', unexported: true });
  });
  test('after all of that the work is there', expectWork);
});

describe('a broken state', () => {
  test.each([
    ['that is empty', ''],
    ['that is cut off', '{"phase":"run'],
    ['of an unknown phase', '{"phase":"flying"}'],
    ['that names no processes', '{"phase":"running"}'],
    ['that is a list', '[]'],
    ['that is missing', undefined],
  ])('%s stops every command but doctor --fix, which loses no work and leaves no process', async (_what, text) => {
    expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
    if (text === undefined) rmSync(fileOf('state.json'));
    else writeFileSync(fileOf('state.json'), text);
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'broken', unexported: true }]);
    for (const command of ['start', 'stop', 'restart']) {
      const result = await sandbox.run([command, CAGE, '--json']);
      expect(result.exitCode, command).toBe(125);
      expect(result.told(), command).toMatchObject({
        error: { code: 'E_STATE_BROKEN', hint: expect.stringContaining('doctor --fix') },
      });
    }
    expect((await sandbox.run(['doctor', '--fix', '--json'])).json()).toMatchObject({ repaired: [expect.any(String)] });
    expect(sandbox.processes()).toEqual([]);
    await expectWork();
  });
  test('that names processes of others leaves them alone', async () => {
    expect((await sandbox.run(['start', CAGE])).exitCode).toBe(0);
    const state = readFileSync(fileOf('state.json'), 'utf8');
    expect((await sandbox.run(['stop', CAGE])).exitCode).toBe(0);
    // The number of a process that lives, with the start time of one that is gone.
    writeFileSync(fileOf('state.json'), state.replaceAll(/"pid":\d+/g, `"pid":${process.pid}`));
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'broken' }]);
    await expectWork();
  });
});

describe('the data root', () => {
  afterEach(() => chmodSync(sandbox.dataRoot, 0o700));
  test('that others may write to is refused, and the hint mends it', async () => {
    chmodSync(sandbox.dataRoot, 0o777);
    for (const args of [
      ['start', CAGE],
      ['secret', 'set', 'A', '--host', 'a.example'],
    ]) {
      const result = await sandbox.run([...args, '--json'], { input: 'value' });
      expect(result.exitCode).toBe(125);
      expect(result.told()).toMatchObject({
        error: { code: 'E_PROTECTION', hint: expect.stringContaining('chmod 700') },
      });
    }
    chmodSync(sandbox.dataRoot, 0o700);
    await expectWork();
  });
  test.each([
    ['is a file', () => writeFileSync(join(sandbox.directory, 'bad root'), '')],
    ['lies below a file', () => writeFileSync(join(sandbox.directory, 'bad root'), '')],
  ])('that %s cannot hold a cage', async (what, prepare) => {
    prepare();
    const home = join(sandbox.directory, 'bad root', ...(what === 'is a file' ? [] : ['below']));
    const result = await sandbox.run(['create', project, '--home', home, '--name', 'x', '--json']);
    expect(result.exitCode).toBe(125);
    expect(result.told()).toMatchObject({ error: { code: 'E_IO', hint: expect.stringMatching(/./) } });
  });
  test('that cannot be written to cannot hold a cage', async () => {
    const locked = join(sandbox.directory, 'locked');
    mkdirSync(locked, { mode: 0o500 });
    // Root may write everywhere but into the kernel's own file systems.
    const home = process.getuid?.() === 0 ? '/proc/ironcage' : join(locked, 'data');
    const result = await sandbox.run(['create', project, '--home', home, '--name', 'x', '--json']);
    expect(result.exitCode).toBe(125);
    expect(result.told()).toMatchObject({ error: { code: 'E_IO' } });
  });
  test('may be named relative to the current directory, with spaces and other letters', async () => {
    const created = await sandbox.run(['create', project, '--home', 'dätä röot', '--name', 'x'], {
      cwd: sandbox.directory,
    });
    expect(created.exitCode).toBe(0);
    const home = join(sandbox.directory, 'dätä röot');
    expect((await sandbox.run(['exec', 'x', '--home', home, '--', 'echo', 'in'])).stdout).toBe('in\n');
    expect((await sandbox.run(['rm', 'x', '--home', home])).exitCode).toBe(0);
  });
});
