// What a cage can be made from: a git URL, with the accounts of the host and nothing that runs there; a directory below a work tree; and
// what git ignores, when it is asked for.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGitServer, type GitServer } from '../support/git-server.ts';
import { onHost } from '../support/cage.ts';
import { userGit, writeFiles } from '../support/repositories.ts';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';

const PASSWORD = 'pa55word-of-ann';
let sandbox: Sandbox;
let server: GitServer;
let url: string;
/** Made by whatever of the repository, its remote or the user's templates runs on the host. */
let ran: string;

beforeAll(async () => {
  sandbox = openSandbox();
  ran = join(sandbox.directory, 'ran');
  const work = sandbox.project('work', {
    a: 'one\n',
    '.gitattributes': '*.bin filter=lfs\n',
    'b.bin': 'version https://git-lfs\n',
  });
  userGit(work, 'tag', 'v1');
  userGit(work, 'branch', 'side');
  writeFileSync(join(work, 'a'), 'two\n');
  userGit(work, 'commit', '--quiet', '--all', '-m', 'second');
  userGit(sandbox.directory, 'clone', '--quiet', '--bare', work, 'shop.git');
  server = await startGitServer(sandbox.directory, 'ann', PASSWORD);
  url = `https://${server.address}/shop.git`;
  const home = join(sandbox.directory, 'home');
  const hook = `#!/bin/sh\ntouch ${ran}\n`;
  writeFiles(home, {
    'template/hooks/post-checkout': hook,
    'hooks/post-checkout': hook,
    'hooks/reference-transaction': hook,
  });
  const settings = {
    'http.sslCAInfo': server.caFile,
    'credential.helper': `!f() { echo username=ann; echo password=${PASSWORD}; }; f`,
    'init.templateDir': join(home, 'template'),
    'core.hooksPath': join(home, 'hooks'),
    'filter.lfs.smudge': `touch ${ran}; cat`,
    'core.fsmonitor': `touch ${ran}`,
    [`url.ext::sh -c touch% ${ran} .insteadOf`]: 'https://evil.example/',
  };
  for (const [key, value] of Object.entries(settings)) userGit(home, 'config', '--file', '.gitconfig', key, value);
  await onHost.sh(`chmod -R +x ${home}/template ${home}/hooks`);
});
afterAll(async () => {
  await server.close();
  await sandbox.close();
});

const inside = async (cage: string, script: string): Promise<string> => {
  const done = await sandbox.run(['exec', cage, '--', 'sh', '-ec', script]);
  expect(done.stderr).toBe('');
  return done.stdout;
};
const withPassword = async (): Promise<string> =>
  (await onHost.sh(`grep -rl ${PASSWORD} ${sandbox.dataRoot}; true`)).stdout;

test('a git URL is cloned with the accounts of the host, of which the cage gets nothing, and work lands in the clone', async () => {
  const made = await sandbox.run(['create', url, '--name', 'cloned', '--json']);
  expect([made.stderr, made.exitCode]).toEqual(['', 0]);
  const clone = join(sandbox.dataRoot, 'cages/cloned/source/shop');
  expect(made.json()).toMatchObject({ project: clone, source: { url } });
  expect(userGit(clone, 'config', 'remote.origin.url')).toBe(`${url}\n`);
  expect(existsSync(ran)).toBe(false);
  // The control: without our settings the same clone does run things.
  const plain = ['-c', `http.sslCAInfo=${server.caFile}`, 'clone', '--quiet', url, join(sandbox.directory, 'plain')];
  await onHost.exec(['git', ...plain], { env: { HOME: join(sandbox.directory, 'home') } });
  expect(existsSync(ran)).toBe(true);

  const script =
    'pwd; git log --format=%s; git status --short; git remote; cat b.bin; echo three > a; git commit -qam third';
  expect(await inside('cloned', script)).toBe(`${clone}\nsecond\nfirst\nversion https://git-lfs\n`);
  expect(await withPassword()).toBe('');
  expect((await sandbox.run(['apply', 'cloned', '--branch', 'agent/fix', '--yes'])).exitCode).toBe(0);
  expect(userGit(clone, 'show', 'agent/fix:a')).toBe('three\n');

  const kept = await sandbox.run(['rm', 'cloned', '-y']);
  expect(kept.exitCode).toBe(126);
  expect(kept.stderr).toContain('clone: branch agent/fix');
  userGit(clone, 'push', '--quiet', join(sandbox.directory, 'shop.git'), 'agent/fix');
  userGit(clone, 'update-ref', 'refs/remotes/origin/agent/fix', 'agent/fix');
  expect((await sandbox.run(['apply', 'cloned', '--yes'])).exitCode).toBe(0);
  expect((await sandbox.run(['rm', 'cloned', '-y'])).stderr).toContain('clone: a');
  userGit(clone, 'checkout', '--quiet', '--', 'a');
  expect((await sandbox.run(['rm', 'cloned', '-y'])).exitCode).toBe(0);
});

test('a password in the URL is used and kept nowhere, and a branch and a depth are taken', async () => {
  const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_SSL_CAINFO: server.caFile };
  const known = `https://ann:${PASSWORD}@${server.address}/shop.git`;
  const made = await sandbox.run(['create', known, '--branch', 'side', '--depth', '1', '--name', 'side'], { env });
  expect([made.exitCode, made.stderr]).toEqual([0, expect.not.stringContaining(PASSWORD)]);
  expect(await withPassword()).toBe('');
  expect(await inside('side', 'git log --format=%s; git branch --show-current; cat a')).toBe('first\nside\none\n');
  expect((await sandbox.run(['show', 'side'])).stdout).toContain(`${url} (side)`);
  const again = await sandbox.run(['run', 'shell', '--name', 'side', '--', 'cat', 'a']);
  expect([again.stdout, again.exitCode]).toEqual(['one\n', 0]);

  const wrong = await sandbox.run(['create', known.replace(PASSWORD, 'wr0ng-one'), '--name', 'wrong'], { env });
  expect(wrong.exitCode).toBe(125);
  expect(wrong.stderr).toContain(`git could not clone ${url}`);
  expect(wrong.stderr).not.toContain('wr0ng-one');
  expect(existsSync(join(sandbox.dataRoot, 'cages/wrong'))).toBe(false);
});

test('over ssh, by the user’s own program, a clone comes in, its work goes back, and the cage knows no address', async () => {
  // The control of a test above.
  rmSync(ran, { force: true });
  // What ssh is given: options, then the host, then the command for its other end.
  const ssh = join(sandbox.directory, 'ssh');
  const asked = join(sandbox.directory, 'asked');
  writeFileSync(ssh, `#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\necho "$1" >>${asked}\nexec sh -c "$2"\n`);
  await onHost.sh(`chmod +x ${ssh}`);
  const env = { GIT_SSH_COMMAND: ssh, GIT_SSH_VARIANT: 'ssh' };
  for (const address of [
    `ssh://ann@git.example${sandbox.directory}/shop.git`,
    `ann@git.example:${sandbox.directory}/shop.git`,
  ]) {
    const made = await sandbox.run(['create', address, '--name', 'over-ssh', '--json'], { env });
    expect(made.exitCode, made.stderr).toBe(0);
    expect(await inside('over-ssh', 'cat a; git remote; grep -c git.example .git/config || :; git commit -qm x --allow-empty; echo three >>a')).toBe('two\n0\n'); // prettier-ignore
    const applied = await sandbox.run(['apply', 'over-ssh', '--yes']);
    expect(applied.exitCode, applied.stderr).toBe(0);
    const clone = join(sandbox.dataRoot, 'cages', 'over-ssh', 'source', 'shop');
    expect(readFileSync(join(clone, 'a'), 'utf8')).toBe('two\nthree\n');
    expect(userGit(clone, 'remote', 'get-url', 'origin')).toBe(`${address}\n`);
    expect((await sandbox.run(['rm', '-y', '--discard', 'over-ssh'])).exitCode).toBe(0);
  }
  expect(readFileSync(asked, 'utf8')).toBe('ann@git.example\nann@git.example\n');
  expect(existsSync(ran)).toBe(false);
});

test('the whole way of work in a linked worktree: commits inside, a branch and patches outside, the main tree untouched', async () => {
  const main = sandbox.project('main', { a: 'one\n', 'big.bin': LFS_POINTER, '.gitattributes': '*.bin filter=lfs\n' });
  const tree = join(sandbox.directory, 'linked');
  userGit(main, 'worktree', 'add', '--quiet', '-b', 'topic', tree);
  const ok = async (...args: string[]): Promise<string> => {
    const result = await sandbox.run(args, { cwd: sandbox.directory });
    expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
    return result.stdout;
  };
  await ok('create', tree, '--name', 'linked');
  const identity = '-c user.name=Bot -c user.email=bot@example.org';
  await inside(
    'linked',
    `git status --porcelain; git log --format=%s -1 >/dev/null; echo two >>a; git ${identity} commit -qam Two; echo new >new`,
  );
  expect(JSON.parse(await ok('diff', 'linked', '--json'))).toMatchObject({ files: [{ path: 'a' }, { path: 'new' }] });
  await ok('apply', 'linked', '--branch', 'from-cage', '--keep-commits', '--yes');
  expect(userGit(tree, 'log', '-2', '--format=%an %s', 'from-cage')).toMatch(/^ironcage Uncommitted.*\nBot Two\n$/);
  expect(await ok('patch', 'linked')).toContain('0001-Two.patch');
  await ok('apply', 'linked', '--yes');
  expect(readFileSync(join(tree, 'a'), 'utf8')).toBe('one\ntwo\n');
  expect(readFileSync(join(tree, 'big.bin'), 'utf8')).toBe(LFS_POINTER);
  expect(userGit(tree, 'status', '--porcelain')).toBe(' M a\n?? new\n');
  expect(userGit(main, 'status', '--porcelain')).toBe('');
  expect(userGit(main, 'log', '--format=%s', 'main')).toBe(userGit(tree, 'log', '--format=%s', 'topic'));
});

const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;

test('no setting of the user turns an address into a program', async () => {
  const made = await sandbox.run(['create', 'https://evil.example/x.git', '--name', 'evil']);
  expect(made.stderr).toMatch(/transport 'ext' not allowed/);
  expect(made.exitCode).toBe(125);
});

test('killed in the middle of a clone, nothing half-made stays, and its git is gone', async () => {
  server.stalls = true;
  const { child, result } = sandbox.start(['create', url, '--name', 'stuck']);
  while (server.waiting === 0) await new Promise((wake) => setImmediate(wake));
  child.kill('SIGKILL');
  await result;
  const running = async (): Promise<string> => (await onHost.sh(`pgrep -af 'clone.*${sandbox.dataRoot}'; true`)).stdout;
  await expect.poll(running, { timeout: 90_000 }).toBe('');
  server.stalls = false;
  expect((await sandbox.run(['create', url, '--name', 'stuck'])).exitCode).toBe(0);
  expect(readdirSync(join(sandbox.dataRoot, 'cages/stuck/source'))).toEqual(['shop']);
});

test('Ctrl-C in the middle of a clone leaves nothing of it', async () => {
  server.stalls = true;
  const before = server.waiting;
  const { child, result } = sandbox.start(['create', url, '--name', 'given-up']);
  while (server.waiting === before) await new Promise((wake) => setImmediate(wake));
  child.kill('SIGINT');
  await result;
  expect(existsSync(join(sandbox.dataRoot, 'cages/given-up'))).toBe(false);
  expect((await onHost.sh(`pgrep -af 'clone.*${sandbox.dataRoot}'; true`)).stdout).toBe('');
  server.stalls = false;
});

test('a tag of one’s own does not make a commit pass for pushed, and the trash says what its clone holds', async () => {
  expect((await sandbox.run(['create', url, '--name', 'tagged'])).exitCode).toBe(0);
  const clone = join(sandbox.dataRoot, 'cages/tagged/source/shop');
  writeFileSync(join(clone, 'a'), 'mine\n');
  userGit(clone, 'commit', '--quiet', '--all', '-m', 'mine');
  userGit(clone, 'tag', 'mine');
  expect((await sandbox.run(['rm', 'tagged', '-y'])).stderr).toMatch(/clone: branch \S+, clone: tag mine/);
  userGit(clone, 'reset', '--quiet', '--hard', 'HEAD~1');
  const { exitCode, stderr } = await sandbox.run(['rm', 'tagged', '-y']);
  expect([exitCode, stderr]).toEqual([126, expect.stringMatching(/clone: tag mine\n/)]);
  userGit(clone, 'tag', '--delete', 'mine');
  expect((await sandbox.run(['rm', 'tagged', '-y'])).exitCode).toBe(0);
});

test('a directory below a work tree comes with the whole of it, and programs start there', async () => {
  const project = sandbox.project('mono', { 'packages/a/x': 'x\n', 'packages/b/y': 'y\n', 'bare/HEAD': 'x' });
  const sub = join(project, 'packages/a');
  const made = await sandbox.run(['create', sub, '--name', 'mono', '--json']);
  expect(made.json()).toMatchObject({ project, startIn: sub });
  expect(await inside('mono', 'pwd; git rev-parse --show-prefix; cat ../b/y; echo z >> x')).toBe(
    `${sub}\npackages/a/\ny\n`,
  );
  expect((await sandbox.run(['diff', 'mono'])).stdout).toContain('packages/a/x');
  const other = await sandbox.run(['run', 'shell', join(project, 'packages/b'), '--name', 'mono', '--', 'pwd']);
  expect(other.stdout).toBe(`${join(project, 'packages/b')}\n`);
  const bare = await sandbox.run(['create', join(sandbox.directory, 'shop.git')]);
  expect(bare.stderr).toContain(`ironcage create file://${sandbox.directory}/shop.git`);
});

test('what git ignores and looks like a secret comes along when it is asked for, and show says so', async () => {
  const project = sandbox.project('ignoring', { '.gitignore': '.env\n' });
  const plain = join(sandbox.directory, 'plain-directory');
  mkdirSync(plain);
  for (const directory of [project, plain]) writeFileSync(join(directory, '.env'), 'KEY=1\n');
  for (const [name, directory] of [['ignoring', project], ['directory', plain]] as const) {
    const without = await sandbox.run(['create', directory, '--name', name, '--json']);
    expect(without.json()).toMatchObject({ leftOut: [{ path: '.env' }] });
    const made = await sandbox.run(['create', directory, '--name', `${name}-all`, '--include-ignored', '--json']);
    expect(made.json()).toMatchObject({ leftOut: [], exposure: expect.stringContaining('look like secrets') });
    expect(await inside(`${name}-all`, 'cat .env')).toBe('KEY=1\n');
    expect((await sandbox.run(['diff', `${name}-all`, '--exit-code'])).exitCode).toBe(0);
  }
  await inside('directory-all', 'echo KEY=2 > .env');
  expect((await sandbox.run(['apply', 'directory-all', '--yes', '--accept-host-executable'])).exitCode).toBe(0);
  expect(readFileSync(join(plain, '.env'), 'utf8')).toBe('KEY=2\n');
}); // prettier-ignore
