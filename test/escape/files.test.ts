// Of the host's files a cage sees the system's programs and a copy of the project, and it changes none of them.
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';
import { escapeTests } from '../support/escape-case.ts';
import { snapshotOf } from '../support/host-snapshot.ts';
import { userGit } from '../support/repositories.ts';

const TREASURE = 'the treasure of the host';
const PASSWORD = 'pa55word-of-the-host';
let cage: TestCage;
let control: Server;
/** Beside the project, not in it. */
let outside: string;
let shared: string;

beforeAll(async () => {
  cage = await startTestCage('files', {
    prepare: async (project) => {
      outside = join(project, '../outside');
      shared = join(project, '../shared');
      for (const directory of [outside, shared, join(outside, '.ssh')]) mkdirSync(directory);
      writeFileSync(join(outside, 'treasure'), TREASURE, { mode: 0o666 });
      writeFileSync(join(outside, '.ssh/id_ed25519'), TREASURE, { mode: 0o644 });
      writeFileSync(join(shared, 'readable'), TREASURE, { mode: 0o666 });
      chmodSync(join(shared, 'readable'), 0o666);
      control = createServer().listen(join(outside, 'control.sock'));
      symlinkSync(join(outside, 'treasure'), join(project, 'link'));
      symlinkSync('../outside', join(project, 'way-out'));
      symlinkSync('/', join(project, 'root'));
      linkSync(join(outside, 'treasure'), join(project, 'hard-link'));
      mkdirSync(join(project, 'src'));
      writeFileSync(join(project, 'src/main.txt'), 'original\n');
      userGit(project, 'init', '--quiet');
      userGit(project, 'add', 'src');
      userGit(project, 'commit', '--quiet', '-m', 'first');
      plantInRepository(project);
    },
    options: { mounts: ['../shared:/shared:ro'] },
  });
});
afterAll(async () => {
  control.close();
  await cage.remove();
});

/** What a repository of the host can hold besides history: a password, an account, programs and further files to read. */
function plantInRepository(project: string): void {
  const settings = {
    'remote.origin.url': `https://me:${PASSWORD}@git.example/x.git`,
    'credential.helper': `!echo ${PASSWORD}`,
    'http.extraHeader': `Authorization: ${PASSWORD}`,
    'include.path': `../${PASSWORD}`,
    'filter.crypt.smudge': PASSWORD,
    'core.hooksPath': `/${PASSWORD}`,
  };
  for (const [key, value] of Object.entries(settings)) userGit(project, 'config', key, value);
  const files = ['hooks/pre-commit', 'FETCH_HEAD', 'credentials', 'git-crypt/keys/default', 'config.orig', 'svn/auth'];
  for (const file of files) {
    mkdirSync(join(project, '.git', file, '..'), { recursive: true });
    writeFileSync(join(project, '.git', file), PASSWORD, { mode: 0o644 });
  }
}

/** Prints what a file holds, or why it cannot be read. */
const read = (path: string): string => `cat '${path}' 2>&1 || true`;
/** Lists what programs of the host may be spoken to by. */
const SOCKETS =
  'echo sockets: $(find /run/ /var/run/ /tmp/ /var/tmp/ -type s 2>/dev/null; ls -d /var/run/docker.sock /run/dbus ../outside/control.sock 2>/dev/null)';
const ABSENT = /No such file or directory|Not a directory/;
const REFUSED = /Permission denied|Read-only file system|Operation not permitted|No such file/;

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-46a',
      attempt: 'a file beside the project is not there',
      script: read('../outside/treasure'),
      fails: ABSENT,
      control: { on: 'inside', script: read('src/main.txt'), shows: /^original/ },
    },
    {
      id: 'ESC-46b',
      attempt: 'a link in the project that leads to a file of the host reads nothing',
      script: read('link'),
      fails: ABSENT,
      control: { on: 'inside', script: 'readlink link', shows: /outside\/treasure$/ },
    },
    {
      id: 'ESC-46c',
      attempt: 'a link in the project that leads to a directory of the host lists nothing',
      script: 'ls way-out/ 2>&1 || true',
      fails: ABSENT,
      control: { on: 'inside', script: 'ls src/', shows: /^main\.txt$/ },
    },
    {
      id: 'ESC-46e',
      attempt: 'a hard link can only be made to the cage’s own files',
      script: 'ln /usr/bin/env stolen 2>&1; ln /etc/passwd stolen 2>&1; ls stolen 2>&1; true',
      fails: /^(?:.*(?:cross-device|not permitted|No such file).*\n?){3}$/i,
      control: { on: 'inside', script: 'ln src/main.txt second && rm second && echo linked', shows: /^linked$/ },
    },
    {
      id: 'ESC-FILE-1',
      attempt: 'the passwords of the host cannot be read',
      script: 'cat /etc/shadow /etc/gshadow /etc/sudoers /etc/sudoers.d/* /etc/ssh/* 2>/dev/null | wc -c',
      fails: /^0$/,
      control: { on: 'inside', script: 'wc -c </etc/passwd', shows: /^[1-9]/ },
    },
    {
      id: 'ESC-FILE-2',
      attempt: 'no home of the host is there',
      script: 'ls /home; ls -d /root/.[a-z]*rc /root/.ssh 2>/dev/null; true',
      fails: /^agent$/,
      control: { on: 'host', script: 'ls -d /home /root', shows: /^\/home\n\/root$/ },
    },
    {
      id: 'ESC-47',
      attempt: 'no control socket of the host is there',
      script: SOCKETS,
      fails: /^sockets:$/,
      control: {
        on: 'inside',
        script: `cd /tmp; /usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("own.sock")'; ${SOCKETS}; rm own.sock`,
        shows: /own\.sock$/,
      },
    },
    {
      id: 'ESC-FILE-3',
      attempt: 'the system cannot be written',
      script: `for path in / /usr /usr/bin /etc /opt /bin /lib /ironcage /proc/sys/kernel /sys; do
        (: >"$path/escape") 2>/dev/null && echo "$path"; done; (: >>/etc/passwd) 2>/dev/null && echo passwd; echo tried`,
      fails: /^tried$/,
      control: { on: 'inside', script: ': >escape && rm escape && echo written', shows: /^written$/ },
    },
    {
      id: 'ESC-FILE-4',
      attempt: 'a directory that was given for reading cannot be written',
      script: '(echo x >/shared/new) 2>&1; (echo x >/shared/readable) 2>&1; rm -f /shared/readable 2>&1; true',
      fails: /^(?:.*Read-only file system.*\n?){3}$/,
      control: { on: 'inside', script: read('/shared/readable'), shows: new RegExp(TREASURE) },
    },
    {
      id: 'ESC-FILE-5',
      attempt: 'the kernel cannot be told anything through /proc and /sys',
      script: `for file in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/net/ipv4/ip_forward \
        /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/user/max_user_namespaces \
        /proc/sys/vm/drop_caches /proc/sysrq-trigger; do (echo 1 >"$file") 2>/dev/null && echo "$file"; done; echo tried`,
      fails: /^tried$/,
      control: { on: 'inside', script: '(echo 500 >/proc/self/oom_score_adj) && echo written', shows: /^written$/ },
    },
    {
      id: 'ESC-FILE-6',
      attempt: 'the kernel’s memory and symbols are not readable',
      script:
        'cat /proc/kcore /proc/kallsyms /dev/mem /dev/kmsg /sys/kernel/debug/* 2>/dev/null | head -c 64 | grep -v "^0* [a-zA-Z] " | wc -c',
      fails: /^0$/,
      control: { on: 'inside', script: 'cat /proc/version | wc -c', shows: /^[1-9]/ },
    },
    {
      id: 'ESC-FILE-7',
      attempt: 'no device can be made',
      script:
        'for d in "disk b 8 0" "vda b 254 0" "mem c 1 1" "kmsg c 1 11" "fuse c 10 229" "tty c 4 0"; do mknod $d 2>/dev/null && echo "$d"; done; echo tried',
      fails: /^tried$/,
      control: { on: 'inside', script: 'mkfifo pipe && rm pipe && echo made', shows: /^made$/ },
    },
    {
      id: 'ESC-FILE-8',
      attempt: 'no disk and no device of the kernel is there',
      script:
        'for f in /dev/* /dev/*/*; do [ -b "$f" ] && echo "$f"; [ -c "$f" ] && echo "$f"; done | grep -v -x -E "/dev/(null|zero|full|u?random|tty|ptmx|pts/ptmx)"; echo looked',
      fails: /^looked$/,
      control: { on: 'inside', script: '[ -c /dev/null ] && echo there', shows: /^there$/ },
    },
  ],
);

test.each([
  ['ESC-46d', 'a link to the root', (path: string) => `root${path}`],
  ['ESC-50a', 'the root of process 1', (path: string) => `/proc/1/root${path}`],
  ['ESC-50a, directory', 'the directory of process 1', (path: string) => `/proc/1/cwd/../../../../../../..${path}`],
])('%s: %s leads to the cage’s own', async (_id, _what, through) => {
  const path = join(outside, 'treasure');
  expect((await onHost.sh(read(`/proc/self/root${path}`))).stdout).toBe(TREASURE);
  expect((await cage.sh(read(through('/etc/hostname')))).stdout).toBe('files');
  const seen = await cage.sh(read(through(path)));
  expect(seen.stdout).toMatch(ABSENT);
});

test('ESC-FILE-9: of the repository come history and settings, and no remote, credential, hook, include or filter', async () => {
  const script = `grep -rl ${PASSWORD} .git | sort; cat .git/HEAD; grep -c bare .git/config`;
  const found = [
    'FETCH_HEAD',
    'config',
    'config.orig',
    'credentials',
    'git-crypt/keys/default',
    'hooks/pre-commit',
    'svn/auth',
  ];
  const outside = await onHost.sh(script, { cwd: cage.project });
  expect(outside.stdout.split('\n')).toEqual([...found.map((name) => `.git/${name}`), 'ref: refs/heads/main', '1']);
  const inside = await cage.sh(script);
  expect(inside.stdout.split('\n')).toEqual(['ref: refs/heads/main', '1']);
});

test('ESC-FILE-10: a program that is setuid root gains nothing inside', async () => {
  const suid = join(shared, 'suid-id');
  execFileSync('cp', ['/usr/bin/id', suid]);
  chmodSync(suid, 0o4755);
  const inside = await cage.sh('/shared/suid-id -u; find /usr/bin /bin -perm -4000 -name su | head -1');
  expect(inside.stdout.split('\n')[0]).not.toBe('0');
  const status = await cage.sh('grep -e NoNewPrivs -e CapBnd /proc/self/status');
  expect(status.stdout).toBe('CapBnd:\t0000000000000000\nNoNewPrivs:\t1');
  // The control: it is setuid, and it does run.
  expect(statSync(suid).mode & 0o7777).toBe(0o4755);
  expect(inside.stdout.split('\n')[0]).toMatch(/^\d+$/);
  execFileSync('rm', [suid]);
});

test('ESC-46f: whatever is done in the workspace, the project and all around it stay as they were, byte for byte', async () => {
  // The data root lies beside the project here, and is the cage's own to change.
  const taken = snapshotOf(join(cage.project, '..'), 'data');
  const { stdout } = await cage.sh(`
    echo changed >>src/main.txt; rm -f link; echo new >new.txt; chmod 777 src; mv src moved
    echo overwritten >hard-link; ln -sf /etc/passwd way-out2; git checkout -q -b other; git config user.name Eve
    echo '#!/bin/sh' >.git/hooks/post-checkout; chmod +x .git/hooks/post-checkout; touch -d @0 README.md
    cat moved/main.txt hard-link; cat .git/HEAD`);
  expect(stdout).toBe('original\nchanged\noverwritten\nref: refs/heads/other');
  expect(snapshotOf(join(cage.project, '..'), 'data')).toEqual(taken);
  expect(readFileSync(join(outside, 'treasure'), 'utf8')).toBe(TREASURE);
});

test('ESC-FILE-11: ironcage’s own data of this cage and of all others is not there', async () => {
  const { dataRoot } = cage.context;
  expect((await onHost.exec(['ls', dataRoot])).stdout).toContain('cages');
  expect((await cage.exec(['ls', dataRoot])).stderr).toMatch(ABSENT);
  const held = await cage.sh(
    `find / -xdev -name 'spec.json' -path '*cages*' 2>/dev/null; find / -name 'audit.jsonl' 2>/dev/null; find / -name ca-key.pem 2>/dev/null`,
  );
  expect(held.stdout).toBe('');
  expect((await cage.sh(read(`${dataRoot}/cages/files/egress/ca/ca-key.pem`))).stdout).toMatch(REFUSED);
});
