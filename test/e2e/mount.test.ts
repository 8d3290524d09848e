// A mounted project from the command line: what is shown, what is refused, and that nothing of it goes with the cage.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { snapshotOf } from '../support/host-snapshot.ts';
import { giveAway } from '../support/mounted.ts';
import { userGit } from '../support/repositories.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

let sandbox: Sandbox;
beforeAll(() => {
  sandbox = openSandbox();
  chmodSync(sandbox.directory, 0o755);
});
afterAll(() => sandbox.close());

test('a run over a mounted project works in place, apply says so, and rm takes nothing of it', async () => {
  const project = sandbox.project('shop');
  giveAway(project);
  const inside = 'echo new >made.txt; git add made.txt; git -c user.name=a -c user.email=a@b commit -qm made';
  const run = await sandbox.run(['run', 'shell', '--name', 'shop', '--workspace', 'mount', '--', 'sh', '-c', inside], {
    cwd: project,
  });
  expect(run.exitCode, run.stderr).toBe(0);
  expect(run.stderr).toMatch(/made\.txt.*the files lie in the project already/s);
  expect(userGit(project, 'log', '-1', '--format=%s').trim()).toBe('made');
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ workspace: 'mount', unexported: false }]);
  const shown = await sandbox.run(['show', 'shop']);
  expect(shown.stdout).toContain(`writes ${project} itself (of the host`);
  const applied = await sandbox.run(['apply', 'shop', '--json']);
  expect(applied.json()).toEqual({ cage: 'shop', applied: [], leftOut: [], inPlace: true });
  const other = await sandbox.run(['run', 'shell', '--name', 'shop', '--workspace', 'copy', '--', 'true'], {
    cwd: project,
  });
  expect(other.stderr).toContain('its workspace is mount');
  const before = snapshotOf(project);
  expect((await sandbox.run(['rm', '-y', 'shop'])).exitCode).toBe(0);
  expect(snapshotOf(project)).toEqual(before);
});

test('commits that cannot come back are named before a cage is removed, and only --discard loses them', async () => {
  const project = sandbox.project('kept');
  giveAway(project);
  await sandbox.run(['create', project, '--name', 'kept', '--workspace', 'mount']);
  const lock = join(project, '.git/index.lock');
  writeFileSync(lock, '');
  const commit = 'echo x >>README.md; git -c user.name=a -c user.email=a@b commit -qam second';
  const exec = await sandbox.run(['exec', 'kept', '--', 'sh', '-c', commit]);
  expect(exec.stderr).toContain('commits of kept stay in the cage for now');
  const refusal = await sandbox.run(['rm', '-y', 'kept', '--json']);
  expect([refusal.exitCode, refusal.told()]).toMatchObject([126, { error: { code: 'E_UNEXPORTED' } }]);
  expect((await sandbox.run(['rm', '-y', '--discard', 'kept'])).exitCode).toBe(0);
  expect(readFileSync(lock, 'utf8')).toBe('');
});

test('a directory without git gets no repository, and is as it was when the cage is gone', async () => {
  const plain = join(sandbox.directory, 'plain');
  mkdirSync(plain);
  writeFileSync(join(plain, 'file'), 'text\n');
  giveAway(plain);
  expect((await sandbox.run(['create', plain, '--name', 'plain', '--workspace', 'mount'])).exitCode).toBe(0);
  const script =
    'git init 2>/dev/null; mkdir .git/hooks 2>/dev/null; mv .git g 2>/dev/null; ls -A .git; echo more >>file';
  expect((await sandbox.run(['exec', 'plain', '--', 'sh', '-c', script])).stdout).toBe('');
  expect(readFileSync(join(plain, 'file'), 'utf8')).toBe('text\nmore\n');
  expect((await sandbox.run(['rm', '-y', 'plain'])).exitCode).toBe(0);
  expect(existsSync(join(plain, '.git'))).toBe(false);
  expect(existsSync(join(plain, 'file'))).toBe(true);
});

test.skipIf(process.getuid?.() !== 0)(
  'as root, a project of root’s is not mounted to be written, and says why',
  async () => {
    const project = sandbox.project('of-root');
    const result = await sandbox.run(['create', project, '--name', 'of-root', '--workspace', 'mount', '--json']);
    expect(result.told()).toMatchObject({ error: { code: 'E_PROTECTION', because: expect.stringContaining('root') } });
  },
);
