// Work on its way home: into the working tree or onto a branch, all of it or nothing, and never past the guard.
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
let project: string;
let number = 0;
beforeAll(() => {
  sandbox = openSandbox();
});
afterAll(() => sandbox.close());

/** A fresh project and a cage over it, named after each other. */
let cage: string;
beforeEach(async () => {
  number += 1;
  cage = `shop-${number}`;
  project = sandbox.project(cage);
  expect((await sandbox.run(['create', project, '--name', cage])).exitCode).toBe(0);
});

async function inside(script: string): Promise<void> {
  const done = await sandbox.run(['exec', cage, '--', 'sh', '-ec', script]);
  expect(done.stderr).toBe('');
  expect(done.exitCode).toBe(0);
}

const apply = (...args: string[]): Promise<CliResult> => sandbox.run(['apply', cage, '--json', ...args]);
const read = (path: string): string => readFileSync(join(project, path), 'utf8');
const status = (): string => userGit(project, 'status', '--porcelain', '--untracked-files=all');

describe('into the working tree', () => {
  test('lands every kind of change, keeps what is the host’s own, and counts as exported', async () => {
    writeFileSync(join(project, 'mine.txt'), 'uncommitted\n');
    await inside(
      'echo four >> README.md; mv src/a.js src/b.js; rm old.txt; mkdir -p x/y; printf "\\0\\1" > x/y/data.bin; ln -s ../README.md x/link',
    );
    const applied = await apply('--yes', '--working-tree');
    expect(applied.json()).toMatchObject({ cage, leftOut: [] });
    expect(applied.exitCode).toBe(0);
    expect(read('README.md')).toBe('one\ntwo\nthree\nfour\n');
    expect(existsSync(join(project, 'old.txt'))).toBe(false);
    expect(read('src/b.js')).toBe('export const a = 1;\n');
    expect(read('x/y/data.bin')).toBe('\0\u0001');
    expect(lstatSync(join(project, 'x/link')).isSymbolicLink()).toBe(true);
    expect(read('mine.txt')).toBe('uncommitted\n');
    expect(userGit(project, 'log', '--oneline').trim().split('\n')).toHaveLength(1);
    expect((await sandbox.run(['list', '--json'])).stdout).toContain('"unexported": false');
    expect((await sandbox.run(['rm', '-y', cage])).exitCode).toBe(0);
  });

  test('twice is nothing the second time', async () => {
    await inside('echo x > new.txt');
    expect((await apply('--yes')).json()).toMatchObject({ applied: ['new.txt'] });
    const again = await apply('--yes');
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.json()).toMatchObject({ applied: [] });
  });

  test('merges with what the host changed elsewhere in the same file', async () => {
    await inside('sed -i s/three/THREE/ README.md');
    writeFileSync(join(project, 'README.md'), 'ONE\ntwo\nthree\n');
    writeFileSync(join(project, 'old.txt'), 'host\n');
    expect((await apply('--yes')).exitCode).toBe(0);
    expect(read('README.md')).toBe('ONE\ntwo\nTHREE\n');
    expect(read('old.txt')).toBe('host\n');
  });

  test('with a conflict does nothing at all, and says where', async () => {
    await inside('sed -i s/two/cage/ README.md; echo x > other.txt');
    writeFileSync(join(project, 'README.md'), 'one\nhost\nthree\n');
    const before = status();
    const refused = await apply('--yes');
    expect(refused.exitCode).toBe(126);
    expect(refused.told()).toMatchObject({
      error: { code: 'E_CONFLICT', details: { conflicts: [{ path: 'README.md', kind: expect.any(String) }] } },
    });
    expect(status()).toBe(before);
    expect(read('README.md')).toBe('one\nhost\nthree\n');
    expect(existsSync(join(project, 'other.txt'))).toBe(false);
  });

  test.each([
    ['a deleted file that the host edited', 'rm old.txt', () => writeFileSync(join(project, 'old.txt'), 'new\n')],
    ['an edited file that the host deleted', 'echo x >> old.txt', () => rmSync(join(project, 'old.txt'))],
    ['a new file that the host has too', 'echo x > new.txt', () => writeFileSync(join(project, 'new.txt'), 'y\n')],
    [
      'a new directory where the host has a file',
      'mkdir d; echo x > d/e',
      () => writeFileSync(join(project, 'd'), 'y\n'),
    ],
  ])('with %s does nothing', async (_what, script, onHost) => {
    await inside(script);
    onHost();
    const before = status();
    expect((await apply('--yes')).exitCode).toBe(126);
    expect(status()).toBe(before);
  });

  test('never writes through a link that leads out of the project', async () => {
    const outside = join(sandbox.directory, `outside-${number}`);
    mkdirSync(outside);
    await inside('mkdir sub; echo x > sub/file');
    symlinkSync(outside, join(project, 'sub'));
    expect((await apply('--yes')).exitCode).toBe(126);
    expect(existsSync(join(outside, 'file'))).toBe(false);
  });

  test('without a terminal and without --yes does nothing', async () => {
    await inside('echo x > new.txt');
    const refused = await apply();
    expect(refused.exitCode).toBe(126);
    expect(refused.told()).toMatchObject({ error: { hint: expect.stringContaining('--yes') } });
    expect(existsSync(join(project, 'new.txt'))).toBe(false);
  });
});

describe('files that can run on the host', () => {
  beforeEach(() =>
    inside('echo x > plain.txt; echo "export A=1" > .envrc; mkdir -p .vscode; echo "{}" > .vscode/tasks.json'),
  );

  test('are marked in diff and need a yes of their own', async () => {
    const diff = (await sandbox.run(['diff', cage, '--json'])).json();
    expect(diff).toMatchObject({
      files: expect.arrayContaining([
        expect.objectContaining({ path: '.envrc', hostExecutable: true }),
        expect.objectContaining({ path: 'plain.txt', hostExecutable: false }),
      ]),
    });
    const refused = await apply('--yes');
    expect(refused.exitCode).toBe(126);
    expect(refused.told()).toMatchObject({
      error: { code: 'E_HOST_EXECUTABLE', hint: expect.stringContaining('--skip-host-executable') },
    });
    expect(status()).toBe('');
  });

  test('are left out with --skip-host-executable, and stay the cage’s unexported work', async () => {
    const applied = await apply('--yes', '--skip-host-executable');
    expect(applied.json()).toMatchObject({
      applied: ['plain.txt'],
      leftOut: expect.arrayContaining(['.envrc', '.vscode/tasks.json']),
    });
    expect(existsSync(join(project, '.envrc'))).toBe(false);
    expect((await sandbox.run(['rm', '-y', cage])).exitCode).toBe(126);
  });

  test('land with --accept-host-executable', async () => {
    expect((await apply('--yes', '--accept-host-executable')).exitCode).toBe(0);
    expect(read('.envrc')).toBe('export A=1\n');
  });

  test('cannot be both accepted and skipped', async () => {
    expect((await apply('--yes', '--accept-host-executable', '--skip-host-executable')).exitCode).toBe(2);
  });
});

test('the repository’s own settings never come back: hooks and config of the cage stay there', async () => {
  await inside(
    'mkdir -p .git/hooks; printf "#!/bin/sh\\ntouch /tmp/hooked\\n" > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout; git config core.fsmonitor /tmp/evil; echo x > new.txt',
  );
  expect((await apply('--yes', '--accept-host-executable')).exitCode).toBe(0);
  expect(existsSync(join(project, '.git/hooks/post-checkout'))).toBe(false);
  expect(read('.git/config')).not.toContain('fsmonitor');
});

describe('onto a branch', () => {
  test('makes one commit and leaves working tree, index and HEAD alone', async () => {
    writeFileSync(join(project, 'mine.txt'), 'uncommitted\n');
    const before = { status: status(), head: userGit(project, 'rev-parse', 'HEAD') };
    await inside('echo four >> README.md; git commit -qam "agent commit"; echo x > new.txt');
    const applied = await apply('--yes', '--branch', 'agent/fix');
    expect(applied.json()).toMatchObject({ branch: 'agent/fix', commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    expect({ status: status(), head: userGit(project, 'rev-parse', 'HEAD') }).toEqual(before);
    expect(userGit(project, 'show', 'agent/fix:README.md')).toBe('one\ntwo\nthree\nfour\n');
    expect(userGit(project, 'show', 'agent/fix:new.txt')).toBe('x\n');
    expect(userGit(project, 'rev-list', '--count', 'HEAD..agent/fix').trim()).toBe('1');
    userGit(project, 'fsck', '--strict');
  });

  test('that exists, or that is no name, is refused', async () => {
    await inside('echo x > new.txt');
    userGit(project, 'branch', 'taken');
    for (const name of ['taken', '../up', 'a..b', '-x', '', 'HEAD']) {
      const refused = await sandbox.run(['apply', cage, '--yes', `--branch=${name}`]);
      expect([2, 126], name).toContain(refused.exitCode);
    }
    expect(userGit(project, 'branch', '--format=%(refname:short)').trim().split('\n').sort()).toEqual([
      'main',
      'taken',
    ]);
  });
});
