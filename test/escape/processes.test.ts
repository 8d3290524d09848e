// A cage sees and touches its own processes only, and no program that enters it can be taken over before it is as
// confined as the rest.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCageState } from '../../src/cage/store.ts';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';
import { BACKEND, BACKEND_FACTS } from '../support/backends.ts';
import { escapeTests } from '../support/escape-case.ts';

let cage: TestCage;

beforeAll(async () => {
  cage = await startTestCage('processes');
});
afterAll(() => cage.remove());

/** Prints the names in the environment of a process. */
const variablesOf = (pid: string): string =>
  `echo variables: $(tr "\\0" "\\n" </proc/${pid}/environ | cut -d= -f1 | sort)`;

/** Attaches to a process and says what came of it. */
const attach = (pid: string): string => `
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE = 0x4206
child = os.fork()
if child == 0:
    signal.pause()
target = ${pid}
print('attached' if libc.ptrace(PTRACE_SEIZE, target, 0, 0) == 0 else 'refused')
os.kill(child, 9)
`;

escapeTests(
  () => cage,
  [
    {
      id: 'ESC-50b',
      attempt: 'no process of the host is listed',
      script: 'cat /proc/[0-9]*/comm | sort -u | tr "\\n" " "',
      fails: new RegExp(`^(?:(?:${BACKEND_FACTS.first}|sleep|sh|cat|sort|tr) ?)+$`),
      control: { on: 'inside', script: 'sleep 60 & cat /proc/$!/comm; kill $!', shows: /sleep|sh/ },
    },
    {
      id: 'ESC-50c',
      attempt: 'the environment of process 1 holds nothing of the host',
      script: variablesOf('1'),
      fails: new RegExp(`^variables:(?: (?:${BACKEND_FACTS.firstVariables.join('|') || 'none'}))*$`),
      control: { on: 'inside', script: `SECRET_OF_TEST=x sh -c '${variablesOf('$$')}'`, shows: /SECRET_OF_TEST/ },
    },
    {
      id: 'ESC-PROC-1',
      attempt: 'killing everything that can be seen leaves process 1 and the keeper of the cage alive',
      script: 'kill -KILL 1; kill -TERM 1; kill -INT 1; [ -d /proc/1 ] && echo alive',
      fails: /^alive$/,
      control: { on: 'inside', script: 'sleep 60 & kill -KILL $!; wait $! 2>/dev/null; echo $?', shows: /^137/ },
    },
    {
      id: 'ESC-PROC-2',
      attempt: 'a signal to a process number of the host reaches nobody',
      script: `for pid in 300 1000 5000 20000; do kill -0 $pid 2>/dev/null && echo $pid; done; echo tried`,
      fails: /^tried$/,
      control: { on: 'inside', script: 'kill -0 $$ && echo there', shows: /^there$/ },
    },
    {
      id: 'ESC-50d',
      attempt: 'a process of the host cannot be attached to by its number',
      script: attach('os.getppid() + 100000'),
      language: 'python',
      fails: /^refused$/,
      control: { on: 'inside', script: attach('child'), shows: /^attached$/ },
    },
    {
      id: 'ESC-54a',
      attempt: 'a program has its standard streams open and nothing else',
      script: 'ls /proc/self/fd | tr "\\n" " "',
      // 3 is the listing itself.
      fails: /^0 1 2 3$/,
      control: { on: 'inside', script: 'exec 7</dev/null; ls /proc/self/fd | tr "\\n" " "', shows: /\b7\b/ },
    },
    {
      id: 'ESC-54b',
      attempt: 'no process of the cage holds a file or directory of the host',
      script: `for link in /proc/[0-9]*/fd/* /proc/[0-9]*/cwd /proc/[0-9]*/exe; do readlink "$link"; done |
        grep -v -E '^(/dev/null|/|/home/agent|${BACKEND_FACTS.firstProgram ?? '/usr/bin/bwrap'}|/usr/.*|/proc/.*|(socket|pipe):.*|anon_inode:.*|'"$(pwd)"')$'; echo looked`,
      fails: /^looked$/,
      control: { on: 'inside', script: 'readlink /proc/self/cwd', shows: /project$/ },
    },
    {
      id: 'ESC-58',
      attempt: 'no capability is held, in any set, and none can be gained',
      script: `grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v '0000000000000000$'; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t\\n' '  '`,
      fails: /^NoNewPrivs: 1 Seccomp: 2$/,
      control: { on: 'inside', script: "grep -c '^Cap' /proc/self/status", shows: /^5$/ },
    },
  ],
);

test('ESC-50e: whoever watches for programs that enter cannot attach to one before its filter is loaded', async () => {
  const watcher = cage.python(WATCHER, { timeoutMs: 60_000 });
  await cage.sh('until [ -e /tmp/watching ]; do :; done');
  for (let entered = 0; entered < 30; entered += 1) await cage.exec(['true']);
  await cage.sh('touch /tmp/enough');
  const attached = (await watcher).stdout.split('\n').filter(Boolean);
  // The control: it did get hold of programs.
  expect(attached.length).toBeGreaterThan(0);
  // What brought it in is a program of the host: none of those may be held, or opened by the name of its process.
  const own = /^(?:filter 2|program \/usr\/bin\/(?:dash|true|touch|python[0-9.]+))$/;
  expect(attached.filter((line) => !own.test(line))).toEqual([]);
});

/** Attaches to every new process as soon as that is possible, and prints what filter it runs under. */
const WATCHER = String.raw`
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
seen = set(os.listdir('/proc'))
open('/tmp/watching', 'w').close()
while not os.path.exists('/tmp/enough'):
    try:
        while os.waitpid(-1, os.WNOHANG | WALL)[0]: pass
    except OSError:
        pass
    for name in os.listdir('/proc'):
        if name in seen or not name.isdigit() or libc.ptrace(PTRACE_SEIZE, int(name), 0, 0) != 0:
            continue
        seen.add(name)
        try:
            status = open(f'/proc/{name}/status').read()
            print('filter', status.split('Seccomp:')[1].split()[0])
            print('program', os.readlink(f'/proc/{name}/exe'))
            # Let go, or it stops for ever with the next signal that it gets.
            libc.ptrace(PTRACE_INTERRUPT, int(name), 0, 0)
            os.waitpid(int(name), WALL)
            libc.ptrace(PTRACE_DETACH, int(name), 0, 0)
        except OSError:
            pass
`;

test('ESC-55h: without the filter too, no user namespace can be made below the cage’s own', async (context) => {
  context.skip(BACKEND !== 'native', 'the cages of engines have no user namespace that is theirs alone');
  context.skip(process.getuid?.() !== 0, 'joining the cage’s namespace from outside takes root');
  const state = readCageState(cage.context, 'processes');
  if (state.phase !== 'running') throw new Error('the cage does not run');
  const join = ['nsenter', '--target', String(state.init.pid), '--user', '--preserve-credentials', '--'];
  const control = await onHost.exec([...join, 'true']);
  expect(control.exitCode).toBe(0);
  const nested = await onHost.exec([...join, 'unshare', '--user', 'true']);
  expect(nested.exitCode).not.toBe(0);
  expect(nested.stderr).toMatch(/No space left on device/);
});

test('ESC-54c: files that the caller of a command has open are not open for what runs inside', async () => {
  // A shell opens them, as a careless caller's would be: without close-on-exec, at low and high numbers.
  const { argv, env } = cage.ironcage;
  const list = argv('exec', 'processes', '--', 'ls', '/proc/self/fd');
  const opened = 'exec 5</etc/hostname 12</etc/hostname 200</etc/hostname; exec "$@"';
  const control = await onHost.exec(['bash', '-c', opened, 'bash', 'ls', '/proc/self/fd'], { env });
  expect(control.stdout.split('\n')).toEqual(expect.arrayContaining(['5', '12', '200']));
  const seen = await onHost.exec(['bash', '-c', opened, 'bash', ...list], { env });
  expect(seen.stdout.split('\n'), seen.stderr).toEqual(['0', '1', '2', '3']);
});

test('ESC-50f: no program that the agent has left in its home is what keeps the cage', async () => {
  const { argv, env } = cage.ironcage;
  const ironcage = (...args: string[]): ReturnType<typeof onHost.exec> => onHost.exec([...argv(...args)], { env });
  const inside = (script: string): ReturnType<typeof onHost.exec> =>
    ironcage('exec', 'processes', '--', 'sh', '-c', script);
  const trap = '#!/bin/sh\\necho "$0" >>"$HOME/ran"\\nexec /bin/sleep "$@"\\n';
  const planted = await inside(`mkdir -p ~/.local/bin; cd ~/.local/bin; printf '${trap}' >sleep; chmod +x sleep`);
  expect(planted.exitCode, planted.stderr).toBe(0);
  // The search path of the cage does lead to it.
  await inside('sleep 0');
  const control = await inside('cat ~/ran; rm -f ~/ran');
  expect(control.stdout).toContain('.local/bin/sleep');
  const restarted = await ironcage('restart', 'processes');
  expect(restarted.exitCode, restarted.stderr).toBe(0);
  const ran = await inside('cat ~/ran 2>/dev/null; rm -rf ~/.local/bin');
  expect(ran.stdout).not.toContain('sleep');
});
