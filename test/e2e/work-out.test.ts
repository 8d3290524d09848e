// Work on its way out and back in from the command line: exported, as patches, and what the host changed meanwhile brought into the cage;
// whole or not at all after a crash between any two steps.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engineReason, TEST_IMAGE } from '../support/engines.ts';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = openSandbox();
});
afterAll(() => sandbox.close());

async function ok(args: readonly string[], cwd?: string): Promise<string> {
  const result = await sandbox.run(args, { cwd });
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result.stdout;
}
const inside = (cage: string, script: string): Promise<string> => ok(['exec', cage, '--', 'sh', '-ec', script]);
const diff = async (cage: string): Promise<unknown> => JSON.parse(await ok(['diff', cage, '--json']));

const KINDS = [
  ['native', []],
  ['docker', ['--backend', 'docker', '--image', TEST_IMAGE]],
] as const;

describe.each(KINDS)('over %s', (kind, options) => {
  const isHere = kind === 'native' || engineReason(kind) === undefined;

  test.skipIf(!isHere)('a running cage gives its work out and takes the host’s in', async () => {
    const cage = `out-${kind}`;
    const project = sandbox.project(cage);
    await ok(['create', project, '--name', cage, ...options]);
    await ok(['start', cage]);
    const commit = 'git -c user.name=Agent -c user.email=a@example.org commit -qam';
    await inside(
      cage,
      `echo four >>README.md; ${kind === 'native' ? `${commit} "Say four"` : ':'}; echo x >new.txt; rm old.txt`,
    );

    writeFileSync(join(project, 'src/a.js'), 'host\n');
    writeFileSync(join(project, 'src/b.js'), 'host\n');
    const synced = JSON.parse(await ok(['sync', cage, '--json']));
    expect(synced).toMatchObject({ cage, files: [{ path: 'src/a.js' }, { path: 'src/b.js' }], conflicts: [] });
    expect(await inside(cage, 'cat src/a.js src/b.js; stat -c %u src/b.js; id -u')).toMatch(
      /^host\nhost\n(\d+)\n\1\n$/,
    );
    expect(await diff(cage)).toMatchObject({
      files: [{ path: 'README.md' }, { path: 'new.txt' }, { path: 'old.txt' }],
    });
    writeFileSync(join(project, 'README.md'), 'host\n');
    const refused = await sandbox.run(['sync', cage, '--json']);
    expect(refused.told()).toMatchObject({
      error: { code: 'E_CONFLICT', details: { conflicts: [{ path: 'README.md' }] } },
    });
    const exported = await sandbox.run(['export', cage, '--json']);
    expect([exported.exitCode, exported.told()]).toMatchObject([126, { error: { code: 'E_CONFLICT' } }]);
    expect(existsSync(join(project, 'new.txt'))).toBe(false);

    writeFileSync(join(project, 'README.md'), 'one\ntwo\nthree\n');
    const plan = JSON.parse(await ok(['export', cage, '--dry-run', '--json']));
    expect(plan).toMatchObject({ target: project, wouldDelete: ['old.txt'], conflicts: [] });
    expect(existsSync(join(project, 'new.txt'))).toBe(false);
    expect(await ok(['export', cage])).toContain(`exported 2 files to ${project}`);
    expect(readFileSync(join(project, 'README.md'), 'utf8')).toBe('one\ntwo\nthree\nfour\n');
    expect(existsSync(join(project, 'old.txt'))).toBe(true);
    const target = join(sandbox.directory, `${cage}-copy`);
    await ok(['export', cage, '-o', target]);
    expect(readdirSync(target).sort()).toEqual(['README.md', 'new.txt', 'src']);

    const patches = await ok(['patch', cage], sandbox.directory);
    const names = kind === 'native' ? ['0001-Say-four.patch', `0002-Uncommitted-work-of-the-cage-${cage}.patch`] : [`0001-Uncommitted-work-of-the-cage-${cage}.patch`]; // prettier-ignore
    for (const name of names) expect(patches).toContain(name);
    expect(readdirSync(join(sandbox.directory, '.ironcage-patches', cage))).toEqual(names);
    await ok(['rm', '-y', '--discard', cage]);
  });
});

test('further directories go out one by one, and patches keep out of the way of git', async () => {
  const project = sandbox.project('many');
  const lib = sandbox.project('many-lib', { 'l.txt': 'l\n' });
  await ok(['create', project, '--name', 'many', '--add-dir', lib]);
  await inside('many', `echo x >x.txt; echo y >>${lib}/l.txt; printf '#!/bin/sh\\n' >run.sh; chmod +x run.sh`);
  const refused = await sandbox.run(['export', 'many', '--all', '--json']);
  expect(refused.told()).toMatchObject({
    error: { code: 'E_HOST_EXECUTABLE', details: { files: [{ path: 'run.sh' }] } },
  });
  const target = join(sandbox.directory, 'many-out');
  await ok(['export', 'many', '--all', '-o', target, '--skip-host-executable']);
  expect(readdirSync(target).sort()).toEqual(['many', 'many-lib']);
  expect(readFileSync(join(target, 'many-lib/l.txt'), 'utf8')).toBe('l\ny\n');
  expect(existsSync(join(target, 'many/run.sh'))).toBe(false);
  await ok(['export', 'many', '--dir', 'many-lib']);
  expect(readFileSync(join(lib, 'l.txt'), 'utf8')).toBe('l\ny\n');
  expect((await sandbox.run(['export', 'many', '-o', join(sandbox.dataRoot, 'cages')])).exitCode).toBe(126);

  await ok(['patch', 'many'], project);
  await ok(['patch', 'many'], project);
  expect(userGit(project, 'status', '--porcelain', '--untracked-files=all')).toBe('');
  expect(JSON.parse(await ok(['sync', 'many', '--dry-run', '--json']))).toMatchObject({ files: [] });
  const outside = join(sandbox.directory, 'outside');
  mkdirSync(outside);
  rmSync(join(project, '.ironcage-patches/many'), { recursive: true });
  symlinkSync(outside, join(project, '.ironcage-patches/many'));
  expect((await sandbox.run(['patch', 'many'], { cwd: project })).exitCode).toBe(126);
  expect(readdirSync(outside)).toEqual([]);
  const piped = await ok(['patch', 'many', '--dir', 'many-lib', '--stdout']);
  writeFileSync(join(outside, 'all.mbox'), piped);
  userGit(lib, 'checkout', '--quiet', 'l.txt');
  userGit(lib, 'am', '--quiet', join(outside, 'all.mbox'));
  expect(userGit(lib, 'show', 'HEAD:l.txt')).toBe('l\ny\n');
  await ok(['rm', '-y', '--discard', 'many']);
});

describe('a crash', () => {
  let project: string;
  beforeAll(async () => {
    project = sandbox.project('crashes');
    await ok(['create', project, '--name', 'crashes']);
  });

  /** Killed at its step of that number, after `ready` and `in place`. */
  function operate(operation: string, last: number): void {
    const args = [CHILD, operation, 'crashes', project, String(last)];
    const child = spawnSync(process.execPath, args, { env: sandbox.env, timeout: 60_000, encoding: 'utf8' });
    expect(child.signal, child.stderr).toBe('SIGKILL');
  }

  test('of a sync whose files are in place leaves them with their base', async () => {
    writeFileSync(join(project, 'old.txt'), 'host\n');
    writeFileSync(join(project, 'new.txt'), 'host\n');
    operate('sync', 1);
    expect(await inside('crashes', 'cat old.txt new.txt')).toBe('host\nhost\n');
    expect(await diff('crashes')).toMatchObject({ files: [] });
  });

  test('of an export whose files are ready leaves them all in the project', async () => {
    await inside('crashes', 'echo cage >src/a.js; echo x >made.txt');
    operate('export', 0);
    expect(existsSync(join(project, 'made.txt'))).toBe(false);
    await inside('crashes', 'true');
    expect(readFileSync(join(project, 'src/a.js'), 'utf8')).toBe('cage\n');
    expect(readFileSync(join(project, 'made.txt'), 'utf8')).toBe('x\n');
    expect(readdirSync(project).filter((name) => name.startsWith('.ironcage'))).toEqual([]);
  });
});
