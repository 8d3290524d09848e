// What every backend promises, whatever isolates it: one suite, run over each that the machine has. A cage comes in as a
// factory; nothing here knows how it is made.
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  diffCage,
  listCages,
  publishPorts,
  removeHomeProfile,
  restartCage,
  showCage,
  startCage,
  stopCage,
  unpublishPorts,
} from '../../src/index.ts';
import type { CageRequest, TestCage } from '../support/cage.ts';
import { snapshotOf } from '../support/host-snapshot.ts';
import { giveAway, ownerOf, underGit } from '../support/mounted.ts';
import { ask, servingScript } from '../support/published.ts';
import { userGit } from '../support/repositories.ts';
import { describeWork } from './work.ts';

/** Rows that a backend may leave to another whose cages come by the same code: odd paths, git in a worktree, shared homes, written projects. */
export type ContractPart = 'paths' | 'worktrees' | 'homes' | 'written mounts';

export type MakeCage = (name: string, request?: CageRequest) => Promise<TestCage>;

const PROJECT_NAME = 'a project — with ünïcode';

export function describeBackend(backend: string, makeCage: MakeCage, leftOut: readonly ContractPart[] = []): void {
  const holds = (part: ContractPart): boolean => !leftOut.includes(part);
  describe(`the ${backend} backend`, () => {
    let cage: TestCage;
    beforeAll(async () => {
      cage = await makeCage('contract', {
        projectName: PROJECT_NAME,
        options: { env: ['GREETING=hello there'], memory: '2g', pids: '200', caches: ['npm'] },
      });
    });
    afterAll(() => cage.remove());
    const status = async (): Promise<string | undefined> =>
      (await listCages(cage.context)).find(({ name }) => name === cage.name)?.status;

    describe('programs', () => {
      test.each([
        ['true', 0],
        ['exit 3', 3],
        ['kill -TERM $$', 143],
        ['kill -KILL $$', 137],
        ['no-such-program', 127],
      ])('`%s` ends with %i', async (script, code) => {
        expect((await cage.sh(script)).exitCode).toBe(code);
      });

      test('output and error output are kept apart', async () => {
        expect(await cage.sh('echo out; echo err >&2')).toMatchObject({ stdout: 'out', stderr: 'err' });
      });

      test('a megabyte of any bytes goes through unchanged', async () => {
        const input = Buffer.from(
          Uint8Array.from({ length: 2 ** 20 }, (_, index) => (index * 31 + (index >> 8)) & 0xff),
        );
        expect((await cage.exec(['cat'], { input })).bytes.equals(input)).toBe(true);
      });

      test('arguments arrive as they are, blanks, quotes and all', async () => {
        const args = ['two words', '', '"quoted"', '$HOME', '*', 'new\nline', '--', '-x', 'ünïcode'];
        const { stdout } = await cage.exec(['printf', '[%s]', ...args]);
        expect(stdout).toBe(args.map((arg) => `[${arg}]`).join(''));
      });

      test('they start in the project, at the same path as on the host', async () => {
        expect((await cage.exec(['pwd'])).stdout.trim()).toBe(cage.project);
        expect((await cage.exec(['pwd'], { cwd: '/tmp' })).stdout.trim()).toBe('/tmp');
      });

      test('the environment is the cage’s, and what a call adds is for that call', async () => {
        const { stdout } = await cage.sh('echo "$GREETING $EXTRA $HOME"', { env: { EXTRA: 'once' } });
        expect(stdout).toBe('hello there once /home/agent');
        expect((await cage.sh('echo "[$EXTRA]"')).stdout).toBe('[]');
      });

      test('ten at once each get their own answer', async () => {
        const runs = await Promise.all(
          Array.from({ length: 10 }, (_, index) => cage.sh(`echo ${index}; exit ${index}`)),
        );
        expect(runs.map(({ exitCode, stdout }) => [exitCode, stdout.trim()])).toEqual(
          Array.from({ length: 10 }, (_, index) => [index, String(index)]),
        );
      });

      test('orphans are reaped by process 1', async () => {
        await cage.sh('for i in 1 2 3 4 5; do (sleep 0.01 &) ; done');
        const { stdout } = await cage.sh(
          'for n in $(seq 100); do z=$(grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l); [ "$z" = 0 ] && break; sleep 0.05; done; echo "$z"',
        );
        expect(stdout.trim()).toBe('0');
      });

      test('one that is left behind is there for the next command', async () => {
        await cage.sh('sleep 300 >/dev/null 2>&1 & echo $! >"$HOME/left-behind"');
        expect((await cage.sh('kill -0 "$(cat "$HOME/left-behind")"')).exitCode).toBe(0);
        await cage.sh('kill "$(cat "$HOME/left-behind")"');
      });
    });

    describe('files', () => {
      test('the project is there, and writing to it leaves the host’s alone', async () => {
        expect((await cage.sh('cat README.md && echo changed >README.md && cat README.md')).stdout).toBe(
          'a project\nchanged',
        );
        expect(readFileSync(join(cage.project, 'README.md'), 'utf8')).toBe('a project\n');
      });

      test('names of any bytes can be made, listed and removed', async () => {
        const { stdout, exitCode } = await cage.sh(
          String.raw`d=$(mktemp -d) && cd "$d" && touch "$(printf 'a\nb')" "$(printf '\377')" -- '-x' && ls | wc -l && rm -r "$d"`,
        );
        expect([exitCode, stdout.trim()]).toEqual([0, '4']);
      });
    });

    describe('projects', () => {
      const inCage = async (request: CageRequest, look: (other: TestCage) => Promise<void>): Promise<void> => {
        const other = await makeCage('other', request);
        try {
          await look(other);
        } finally {
          await other.remove();
        }
      };

      if (holds('paths'))
        test.each([
          ['blanks, commas and quotes', `a, "b" 'c' = \\ d: e`],
          ['letters of other scripts', 'проект-项目-é'],
          ['200 characters', 'x'.repeat(200)],
        ])('a path with %s is the same inside', (_what, projectName) =>
          inCage({ projectName }, async (other) => {
            expect((await other.sh('pwd; cat README.md; echo changed >README.md')).stdout).toBe(
              `${other.project}\na project`,
            );
            expect(readFileSync(join(other.project, 'README.md'), 'utf8')).toBe('a project\n');
          }),
        );

      if (holds('worktrees'))
        test('a worktree knows its history, and commits to it inside', () =>
          inCage(
            {
              projectName: 'tree',
              prepare(project) {
                const main = `${project}-main`;
                renameSync(project, main);
                userGit(main, 'init', '--quiet');
                userGit(main, 'add', '--all');
                userGit(main, 'commit', '--quiet', '-m', 'first');
                userGit(main, 'worktree', 'add', '--quiet', project);
              },
            },
            async (other) => {
              const commit = 'git -c user.name=a -c user.email=a@b commit -qam second && git log --format=%s';
              const { stdout, stderr } = await other.sh(`echo changed >README.md; ${commit}`);
              expect(stdout, stderr).toBe('second\nfirst');
              expect(readFileSync(join(other.project, 'README.md'), 'utf8')).toBe('a project\n');
            },
          ));

      const MOUNT = { options: { workspace: 'mount' } };
      const COMMIT = 'git -c user.name=a -c user.email=a@b commit -qam second && git log --format=%s';

      if (holds('written mounts'))
        test('a mounted one is written in place, for its owner, and its commits are there when the cage has stopped', () =>
          inCage(
            {
              ...{ ...MOUNT, projectName: 'mounted — ünïcode' },
              prepare(project) {
                underGit(project);
                giveAway(project);
              },
            },
            async (other) => {
              const { stdout, stderr } = await other.sh(`pwd; echo new >made; echo changed >README.md; ${COMMIT}`);
              expect(stdout, stderr).toBe(`${other.project}\nsecond\nfirst`);
              expect(readFileSync(join(other.project, 'made'), 'utf8')).toBe('new\n');
              expect(ownerOf(join(other.project, 'made'))).toEqual(ownerOf(other.project));
              expect((await diffCage(other.context, other.name)).files.map(({ path }) => path)).toEqual([
                'README.md',
                'made',
              ]);
              await stopCage(other.context, other.name);
              expect(userGit(other.project, 'log', '--format=%s')).toBe('second\nfirst\n');
              expect(userGit(other.project, 'status', '--short')).toBe('?? made\n');
              userGit(other.project, 'commit', '--quiet', '--allow-empty', '-m', 'on the host');
              await startCage(other.context, other.name);
              expect((await other.sh('git log -1 --format=%s')).stdout).toBe('on the host');
            },
          ));

      if (holds('written mounts') && holds('worktrees'))
        test('a mounted worktree is committed to', () =>
          inCage(
            {
              ...{ ...MOUNT, projectName: 'mounted-tree' },
              prepare(project) {
                const main = `${project}-main`;
                renameSync(project, main);
                underGit(main);
                userGit(main, 'worktree', 'add', '--quiet', project);
                giveAway(main);
                giveAway(project);
              },
            },
            async (other) => {
              const { stdout, stderr } = await other.sh(
                `echo changed >README.md; ${COMMIT}; echo evil >.git; cat .git`,
              );
              expect(stdout, stderr).toBe(`second\nfirst\ngitdir: ${other.project}-main/.git/worktrees/mounted-tree`);
              await stopCage(other.context, other.name);
              expect(userGit(other.project, 'log', '--format=%s')).toBe('second\nfirst\n');
              expect(userGit(`${other.project}-main`, 'log', '--format=%s')).toBe('first\n');
              expect(userGit(other.project, 'status', '--short')).toBe('');
            },
          ));

      test('one that is mounted read-only is read, and written by nobody', () =>
        inCage(
          {
            ...{ projectName: 'read-only', options: { workspace: 'mount-ro' } },
            prepare(project) {
              underGit(project);
              giveAway(project);
            },
          },
          async (other) => {
            const before = snapshotOf(other.project);
            const { stdout, stderr } = await other.sh(`
              for at in new README.md .git/new .git/config .git/refs/heads/new; do { echo x >$at; } 2>/dev/null && echo "wrote $at"; done
              mkdir d 2>/dev/null || rm README.md 2>/dev/null || git commit -q --allow-empty -m x 2>/dev/null || git status --short
              git log --format=%s; cat README.md; grep -c hunter2 .git/config; echo x >~/fine && cat ~/fine`);
            expect(stdout, stderr).toBe('first\na project\n0\nx');
            expect(snapshotOf(other.project)).toEqual(before);
          },
        ));

      test('two cages side by side see nothing of one another', () =>
        inCage({ projectName: 'beside' }, async (other) => {
          await cage.sh('echo mine >/tmp/mine; sleep 3141 >/dev/null 2>&1 &');
          expect((await cage.sh('pgrep -cxf "sleep 3141"')).stdout).toBe('1');
          const serve = `import socket; s = socket.create_server(('0.0.0.0', 8766)); open('/tmp/serving', 'w').close(); s.accept()[0].sendall(b'first')`;
          const served = cage.exec(['/usr/bin/python3', '-c', serve]);
          await cage.sh('until [ -e /tmp/serving ]; do :; done');
          const address = '$(cat /proc/net/fib_trie | grep -oE "[0-9]+(\\.[0-9]+){3}" | sort -u)';
          const look = `ls /tmp/mine ${cage.project} 2>/dev/null; pgrep -xf 'sleep 3141'
            for a in 127.0.0.1 ${address} ::1; do curl -s -m 5 --noproxy '*' "telnet://$a:8766" </dev/null | grep first; done; echo looked`;
          expect((await other.sh(look)).stdout).toBe('looked');
          expect((await cage.sh(`curl -s -m 5 --noproxy '*' telnet://127.0.0.1:8766`)).stdout).toBe('first');
          await served;
          await cage.sh('rm /tmp/mine; pkill -xf "sleep 3141"');
        }));
    });

    if (holds('homes'))
      describe('homes', () => {
        const beside = async (name: string, options: NonNullable<CageRequest['options']>): Promise<TestCage> => {
          const made = await makeCage(name, { projectName: name, directory: cage.directory, options });
          opened.push(made);
          return made;
        };
        const opened: TestCage[] = [];
        afterAll(() => Promise.all(opened.map((each) => each.remove())));

        test('cages of one profile share a home while both run, and it outlives them', async () => {
          const one = await beside('one', { profile: 'work' });
          const two = await beside('two', { profile: 'work' });
          await one.sh('umask 077; mkdir -p ~/.tool; echo one >~/.tool/login');
          expect((await two.sh('cat ~/.tool/login; echo two >>~/.tool/login')).stdout).toBe('one');
          expect((await one.sh('cat ~/.tool/login')).stdout).toBe('one\ntwo');
          const { profile, exposure } = await showCage(two.context, two.name);
          expect([profile, exposure]).toEqual(['work', expect.stringContaining('profile work share')]);
          await expect(removeHomeProfile(one.context, 'work')).rejects.toMatchObject({ code: 'E_LOCKED' });
          await Promise.all(opened.splice(0).map((each) => each.remove()));
          const home = join(one.context.dataRoot, 'profiles/work/home');
          expect(readFileSync(join(home, '.tool/login'), 'utf8')).toBe('one\ntwo\n');
        });

        test('cages that share a package cache have that in common, and their homes not', async () => {
          const two = await beside('two', { caches: ['npm'] });
          await cage.sh('umask 077; mkdir ~/.npm/_cacache/x; echo one >~/.npm/_cacache/x/y; echo mine >~/.npm/mine');
          const read = await two.sh('cat ~/.npm/_cacache/x/y; echo two >>~/.npm/_cacache/x/y; ls ~/.npm');
          expect(read.stdout).toBe('one\n_cacache');
          expect((await cage.sh('cat ~/.npm/_cacache/x/y')).stdout).toBe('one\ntwo');
          const { caches, exposure } = await showCage(two.context, two.name);
          expect([caches, exposure]).toEqual([
            ['npm'],
            expect.stringContaining('the caches npm that other cages share'),
          ]);
        });
      });

    describeWork(makeCage);

    describe('the bus', () => {
      test('what inside writes there is the host’s to read, the other way round, and outlives a restart', async () => {
        const bus = join(cage.context.dataRoot, 'cages', cage.name, 'bus');
        await cage.sh('mkdir /ironcage/bus/deep && echo out >/ironcage/bus/deep/note');
        expect(readFileSync(join(bus, 'deep/note'), 'utf8')).toBe('out\n');
        writeFileSync(join(bus, 'answer'), 'in');
        chmodSync(join(bus, 'answer'), 0o644);
        await restartCage(cage.context, cage.name);
        expect((await cage.sh('cat /ironcage/bus/answer /ironcage/bus/deep/note')).stdout).toBe('inout');
        // It is the cage’s alone: on this machine nobody else gets through its directory.
        expect((await cage.sh('stat -c %a /ironcage/bus')).stdout).toBe('700');
      });

      test('our programs and their Node are there, and cannot be written', async () => {
        const { stdout } = await cage.sh(
          '/ironcage/node -p 6*7; ls -d /ironcage/bin /ironcage/guest; for p in bin/x guest/x node x; do echo x >/ironcage/$p || echo no; done; case :$PATH: in *:/ironcage/bin:*) echo found ;; esac',
        );
        expect(stdout).toBe('42\n/ironcage/bin\n/ironcage/guest\nno\nno\nno\nno\nfound');
      });
    });

    describe('trust', () => {
      test.each([
        ['curl, by the proxy', ['curl', '-sS', 'https://refused.example/']],
        ['curl, without the proxy', ['curl', '-sS', '--noproxy', '*', 'https://refused.example/']],
        [
          'node',
          [
            backend === 'native' ? process.execPath : 'node',
            '-e',
            'require("https").get("https://refused.example/", (r) => r.pipe(process.stdout)).on("error", (e) => console.log(e.message))',
          ],
        ],
        [
          'python',
          [
            '/usr/bin/python3',
            '-c',
            'import urllib.request, urllib.error\ntry: urllib.request.urlopen("https://refused.example/")\nexcept urllib.error.HTTPError as e: print(e.read().decode())',
          ],
        ],
        ['git', ['git', 'ls-remote', 'https://refused.example/x.git']],
      ])('%s trusts the cage’s authority and is told why it is refused', async (client, argv) => {
        const { stdout, stderr } = await cage.exec(argv);
        const answer = `${stdout}${stderr}`;
        if (client === 'git') expect(answer).toMatch(/403/);
        else expect(answer).toContain('"rule":"<default-deny>"');
        expect(answer).not.toMatch(/certificate/i);
      });
    });

    describe('published ports', () => {
      test('one is published live, there again after a restart, and taken back', async () => {
        const { context, name } = cage;
        const { ports } = await publishPorts(context, name, ['0:8767', '0:8768']);
        const [first = 0, second = 0] = ports.map(({ port }) => port);
        expect(await ask(first, 'nobody there')).toMatchObject({ end: 'reset', text: '' });
        const serve = async (): Promise<void> => {
          await cage.python(servingScript(8767, 'one'));
          await cage.python(servingScript(8768, 'two', '::1'));
        };
        await serve();
        const much = Buffer.alloc(2 ** 20, 'x');
        expect((await ask(first, much)).text).toBe(`one:${much.toString('latin1')}`);
        expect(await ask(second, 'hello')).toEqual({ text: 'two:hello', end: 'closed' });
        await restartCage(context, name);
        await serve();
        expect(await ask(first, 'again')).toEqual({ text: 'one:again', end: 'closed' });
        await unpublishPorts(context, name, [String(first)]);
        expect(await ask(first, 'gone')).toMatchObject({ end: 'refused' });
        expect(await ask(second, 'still')).toEqual({ text: 'two:still', end: 'closed' });
        await unpublishPorts(context, name, [String(second)]);
        expect((await showCage(context, name)).ports).toEqual([]);
      });
    });

    describe('life cycle', () => {
      test('start and stop may be said twice', async () => {
        await startCage(cage.context, cage.name);
        expect(await status()).toBe('running');
        await stopCage(cage.context, cage.name);
        await stopCage(cage.context, cage.name);
        expect(await status()).toBe('stopped');
        await startCage(cage.context, cage.name);
        expect(await status()).toBe('running');
      });

      test('a restart keeps home and project, ends the processes and empties /tmp', async () => {
        await cage.sh('echo kept >"$HOME/note"; echo kept >note; echo gone >/tmp/note; sleep 300 >/dev/null 2>&1 &');
        await restartCage(cage.context, cage.name);
        expect(
          (await cage.sh('cat "$HOME/note" note; [ -e /tmp/note ] || echo empty; pgrep -cxf "sleep 300"')).stdout,
        ).toBe('kept\nkept\nempty\n0');
      });

      test('the policy survives a restart with its number and its hash', async () => {
        const before = await showCage(cage.context, cage.name);
        await restartCage(cage.context, cage.name);
        const after = await showCage(cage.context, cage.name);
        expect(after).toMatchObject({ policyHash: before.policyHash, policyConfirmed: true });
        expect(after.policyGeneration).toBe(before.policyGeneration);
      });

      test('the limits that were asked for are enforced by something, and shown', async () => {
        const { limits } = await showCage(cage.context, cage.name);
        expect(limits.memory.value).toBe(2 ** 31);
        expect(limits.pids.value).toBe(200);
        expect(['cgroup', 'rlimit']).toContain(limits.memory.enforcedBy);
        expect(['cgroup', 'rlimit']).toContain(limits.pids.enforcedBy);
        expect(limits.cpus.enforcedBy).toBe('none');
      });

      test('what a removed cage had is gone', async () => {
        const short = await makeCage('short');
        const { dataRoot } = short.context;
        await short.sh('sleep 300 >/dev/null 2>&1 &');
        expect(existsSync(join(dataRoot, 'cages', 'short'))).toBe(true);
        await short.remove();
        expect(existsSync(join(dataRoot, 'cages', 'short'))).toBe(false);
      });
    });
  });
}
