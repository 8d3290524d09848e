// A mounted project is written in place, and git on the host runs what a repository’s settings and hooks say: from inside, neither may
// be had, by no name, no link, no rename, and not where they are not there yet. Beside each attempt: the same over what is the cage’s.
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stopCage } from '../../src/index.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { snapshotOf } from '../support/host-snapshot.ts';
import { giveAway, ownerOf, underGit } from '../support/mounted.ts';
import { userGit } from '../support/repositories.ts';

let cage: TestCage;

beforeAll(async () => {
  cage = await startTestCage('mounted', {
    files: { 'README.md': 'a project\n', '.gitignore': '.env\nignored/\n', '.env': 'TOKEN=hunter2\n' },
    prepare: (project) => {
      underGit(project);
      for (const nested of ['nested/inner', 'ignored/deep/other']) {
        mkdirSync(join(project, nested), { recursive: true });
        userGit(join(project, nested), 'init', '--quiet');
        writeFileSync(join(project, nested, 'file'), 'theirs\n');
      }
      userGit(project, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},not/there`);
      giveAway(project);
    },
    options: { workspace: 'mount' },
  });
});
afterAll(() => cage.remove());

/** Not `mv`, which copies what it cannot rename. */
const RENAME = `import os, sys
try:
  os.rename(sys.argv[1], 'moved'); print('moved')
except OSError: pass`;

const git = (...parts: string[]): string => join(cage.project, '.git', ...parts);

test('ESC-67a: no hook, setting, attribute or pointer of the repository is written, by any name or way', async () => {
  const before = snapshotOf(git());
  const { stdout } = await cage.sh(`
    w() { { echo evil >"$1"; } 2>/dev/null && echo "wrote $1"; }
    w .git/hooks/pre-commit; w .git/config; w .git/HEAD.lock; w .git/commondir; w .git/config.worktree; w .git/info/attributes
    mkdir -p .git/hooks .git/modules/evil .git/worktrees/evil 2>/dev/null
    w .git/modules/evil/config; w .git/worktrees/evil/gitdir; w .git/objects/info/alternates
    mv .git .moved 2>/dev/null && echo moved; mv .git/config .git/c 2>/dev/null && echo moved; mv .git/hooks .git/h 2>/dev/null && echo moved
    ln .git/config linked 2>/dev/null && echo linked; ln -sfn /tmp .git 2>/dev/null; [ -L .git ] && echo link
    rmdir .git/hooks 2>/dev/null && echo removed; chmod 777 .git/hooks 2>/dev/null && w .git/hooks/pre-push
    umount .git 2>/dev/null && echo unmounted; mount -o remount,rw .git/hooks 2>/dev/null && echo remounted
    python3 -c 'import ctypes, os; libc = ctypes.CDLL(None); d = os.fsencode(os.getcwd())
print("exchanged") if libc.renameat2(-100, d + b"/.git", -100, d + b"/nested", 2) == 0 else None' 2>/dev/null
    echo tried`);
  // What is written into the cage’s own repository goes no further.
  const own = ['HEAD.lock', 'commondir', 'config.worktree', 'info/attributes', 'modules/evil/config'];
  const wrote = [...own, 'worktrees/evil/gitdir'].map((name) => `wrote .git/${name}`);
  expect(stdout.split('\n')).toEqual([...wrote, 'tried']);
  await cage.sh(
    'rm -rf .git/HEAD.lock .git/commondir .git/config.worktree .git/info/attributes .git/modules .git/worktrees',
  );
  expect(snapshotOf(git())).toEqual(before);
  // The control: beside the repository the host's files are what is written.
  expect((await cage.sh('echo new >beside && mv beside besides && ln besides linked && echo done')).stdout).toBe(
    'done',
  );
  expect(readFileSync(join(cage.project, 'linked'), 'utf8')).toBe('new\n');
  expect(ownerOf(join(cage.project, 'linked'))).toEqual(ownerOf(cage.project));
});

test('ESC-67b: also when git on the host replaces its files, as `git config` and `git push -u` do', async () => {
  userGit(cage.project, 'config', 'branch.main.remote', 'origin');
  userGit(cage.project, 'branch', '--force', 'other');
  writeFileSync(git('config.new'), readFileSync(git('config')));
  renameSync(git('config.new'), git('config'));
  const before = snapshotOf(git());
  const { stdout } = await cage.sh(
    'cat .git/config; { echo evil >>.git/config; } 2>/dev/null && echo wrote; { echo >.git/hooks/x; } 2>/dev/null && echo wrote; echo tried',
  );
  expect(stdout).not.toMatch(/hunter2|wrote/);
  expect(stdout).toMatch(/tried$/);
  expect(snapshotOf(git())).toEqual(before);
  // The control: the file is there for the host, password and all.
  expect(readFileSync(git('config'), 'utf8')).toContain('hunter2');
});

test('ESC-67c: repositories within the project are read-only and cannot be exchanged, those that are still to come too', async () => {
  const before = snapshotOf(cage.project, '.git');
  const { stdout } = await cage.sh(
    `
    for at in nested/inner ignored/deep/other not/there; do
      mkdir -p $at/.git/hooks 2>/dev/null; { echo evil >$at/.git/config; } 2>/dev/null && echo "wrote $at"
      { echo evil >$at/file; } 2>/dev/null && echo "wrote $at"; cat $at/.git/config 2>/dev/null
      python3 -c "$RENAME" $at; python3 -c "$RENAME" \${at%/*}
    done; cat nested/inner/file; echo tried`,
    { env: { RENAME } },
  );
  expect(stdout).toBe('theirs\ntried');
  expect(snapshotOf(cage.project, '.git')).toEqual(before);
  // The control: what is no repository can be made, written and moved.
  const made =
    'mkdir -p fine/a && echo x >fine/a/file && mv fine/a fine/b && mv fine well && cat well/b/file && rm -r well';
  expect((await cage.sh(made)).stdout).toBe('x');
});

test('ESC-67d: a file that looks like a secret is covered, and its directory cannot be moved from under the cover', async () => {
  const { stdout } = await cage.sh(
    'cat .env; cp .env copy && cat copy; mv .env e 2>/dev/null && cat e; ln .env hard 2>/dev/null && cat hard; rm -f copy; echo tried',
  );
  expect(stdout).toBe('tried');
  expect(readFileSync(join(cage.project, '.env'), 'utf8')).toBe('TOKEN=hunter2\n');
});

test('ESC-67e: what git on the host runs afterwards is nothing of the cage’s', async () => {
  const bait = join(cage.directory, 'ran');
  const inside = await cage.sh(`
    git config --file /tmp/evil core.fsmonitor 'touch ${bait}'
    cp /tmp/evil .git/config.worktree; cp /tmp/evil .git/own; echo . >.git/commondir 2>/dev/null; rm .git/commondir
    printf '* filter=evil\\n' >.git/info/attributes; echo x >>README.md; git add README.md
    git -c user.name=a -c user.email=a@b commit -qm second && git log -1 --format=%s`);
  expect(inside.stdout, inside.stderr).toBe('second');
  // Leaving the cage brings the commit.
  const told: string[] = [];
  await stopCage({ ...cage.context, progress: (line) => told.push(line) }, cage.name);
  expect(told).toEqual([]);
  expect(userGit(cage.project, 'log', '-1', '--format=%s').trim()).toBe('second');
  userGit(cage.project, 'status');
  expect(existsSync(bait)).toBe(false);
  // The control: written on the host, the same setting runs.
  appendFileSync(git('config'), `[core]\n\tfsmonitor = touch ${bait}\n`);
  userGit(cage.project, 'status');
  expect(existsSync(bait)).toBe(true);
});
