// Programs that are entered without the engine, beside those that the engine itself enters: what the kernel shows of both is the same,
// and nobody inside gets hold of one before it is confined.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callList, type Call } from '../../src/backends/host/call-list.ts';
import { entryCalls } from '../../src/backends/container/enter-directly.ts';
import { CALL_PROGRAM } from '../../src/backends/host/call-list.ts';
import { ENTRY_RECORD, readEntry } from '../../src/backends/container/entry-record.ts';
import { CALLS } from '../../src/backends/host/kernel-numbers.ts';
import { openSession } from '../../src/cage/session.ts';
import { readCageState } from '../../src/cage/store.ts';
import { run as runProgram } from '../../src/platform/processes.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { engineReason, type TestEngine } from '../support/engines.ts';

const isRoot = process.getuid?.() === 0;

for (const kind of ['docker', 'podman'] as const) {
  const reason = engineReason(kind) ?? (isRoot ? undefined : 'only root enters without the engine');
  describe.skipIf(reason !== undefined)(
    `entered in a container of ${kind}${reason ? ` (skipped: ${reason})` : ''}`,
    () => entriesOver(kind),
  );
}

/** All that the kernel tells of a program, less what no two programs have alike. */
const LOOK = `
grep -vE '^(Pid|Tgid|PPid|NS.*|Vm.*|Rss.*|.*ctxt_switches|Name|FDSize|SigQ):' /proc/self/status
cat /proc/self/limits /proc/self/cgroup /proc/self/mountinfo /proc/self/oom_score_adj /proc/self/personality
for kind in cgroup ipc mnt net pid pid_for_children time user uts; do readlink /proc/self/ns/$kind; done
readlink /proc/self/root /proc/self/cwd
ls /proc/self/fd
cat /proc/self/attr/current 2>&1
env | grep -v '^IRONCAGE_EXEC=' | sort
ps -o sess= -p $$ | tr -d ' ' | grep -qx $$ && echo its own session
`;

function entriesOver(kind: TestEngine): void {
  let cage: TestCage;
  beforeAll(async () => {
    cage = await startTestCage('entry', {
      backend: kind,
      options: { memory: '1g', pids: '150', env: ['GREETING=hello there'] },
    });
  });
  afterAll(() => cage.remove());
  const record = (): string => join(cage.context.dataRoot, 'cages', cage.name, 'run', ENTRY_RECORD);

  test('the engine’s command line is not asked', async () => {
    const { program, endLeftOver } = await cage.command({ argv: ['true'] });
    await endLeftOver?.();
    expect(program).toMatch(/\/nsenter$/);
  });

  test('a program has what one of the engine’s has, and nothing else', async () => {
    const direct = await cage.exec(['sh', '-c', LOOK]);
    const { program, args, env } = await byEngine(['sh', '-c', LOOK]);
    const { stdout } = await runProgram(program, args, { env });
    expect(direct.stderr).toBe('');
    expect(direct.stdout.split('\n')).toEqual(stdout.toString('utf8').trimEnd().split('\n'));
    expect(direct.stdout).toContain('Seccomp:\t2');
    expect(direct.stdout).toContain('hello there');
  });

  /** Without its record a cage is entered by the engine. */
  async function byEngine(argv: string[]): Promise<Awaited<ReturnType<TestCage['command']>>> {
    const kept = readFileSync(record());
    rmSync(record());
    try {
      const command = await cage.command({ argv });
      expect(command.program).toMatch(new RegExp(`/${kind}$`));
      return command;
    } finally {
      writeFileSync(record(), kept);
    }
  }

  test('nobody inside gets hold of a program that is not yet confined, however long that takes', async () => {
    const run = join(cage.context.dataRoot, 'cages', cage.name, 'run');
    const state = readCageState(cage.context, cage.name);
    const { identity, tools } = await openSession(cage.context, cage.name);
    const record = state.phase === 'running' ? readEntry(run, state.init) : undefined;
    if (state.phase !== 'running' || record === undefined) throw new Error('it is not entered directly');
    const { insideUid: uid, insideGid: gid } = identity;
    const file = join(run, 'held');
    const own = { record, uid, gid, argv: ['true'], cwd: '/', env: {}, ownGroups: '', file };
    // Held where it is the cage's user already, and has no filter yet.
    const list = callList((put) =>
      entryCalls(own, put).flatMap((each) => (each.call === CALLS.seccomp ? [HELD, each] : [each])),
    );
    writeFileSync(file, list ?? '');
    const watch = cage.python(WATCH);
    await cage.sh('until [ -e /tmp/watching ]; do sleep 0.02; done');
    const args = [`--pid=/proc/${state.init.pid}/ns/pid`, '--', join(run, CALL_PROGRAM), file];
    const entered = await runProgram(tools.nsenter, args, { env: {} });
    expect(entered).toMatchObject({ exitCode: 0, stderr: '' });
    await cage.sh('touch /tmp/enough');
    const { stdout, stderr } = await watch;
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    // It sees the other, and does open those that are like itself.
    expect(lines).toContain('seen');
    expect(lines).toContain('opened');
    expect(lines.filter((line) => line.startsWith('open '))).toEqual([]);
  });

  test('what cannot be run is told from what is not there', async () => {
    const code = async (...argv: string[]): Promise<number | null> => (await cage.exec(argv)).exitCode;
    expect(await code('no-such-program')).toBe(127);
    expect(await code('/no/such/program')).toBe(127);
    expect(await code('/etc/passwd')).toBe(126);
    expect(await code('/tmp')).toBe(126);
    expect((await cage.exec(['true'], { cwd: '/no/such/directory' })).exitCode).toBe(126);
  });

  test('a program ends with the one that waits for it', async () => {
    const { program, args, env } = await cage.command({ argv: ['sh', '-c', 'echo there; exec sleep 4711'] });
    const waiting = spawn(program, [...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(waiting.stdout, 'data');
    waiting.kill('SIGKILL');
    // Comes when nobody has its output open any more.
    await once(waiting, 'close');
    expect((await cage.sh('ps -e -o args')).stdout).not.toContain('sleep 4711');
  });

  test('the list of its calls is gone when it runs', async () => {
    const { program, args, env } = await cage.command({ argv: ['sh', '-c', 'true'] });
    expect((await runProgram(program, args, { env })).exitCode).toBe(0);
    expect(readdirSync(join(record(), '../exec'))).toEqual([]);
  });
}

/** poll: of nothing, for half a second. */
const HELD: Call = { call: 7, args: [0, 0, 500], failure: 'not held', exitCode: 1 };

/** Until it is told that it is enough: opens what it can of every process, and says which of them had no filter. */
const WATCH = `
import os
open('/tmp/watching', 'w').close()
said = set()
def say(line):
    if line not in said:
        said.add(line)
        print(line)
while not os.path.exists('/tmp/enough'):
    for name in os.listdir('/proc'):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        for part in ('mem', 'environ', 'exe', 'root', 'cwd', 'fd'):
            path = f'/proc/{name}/{part}'
            try:
                filtered = 'Seccomp:\\t2' in open(f'/proc/{name}/status').read()
                if not filtered:
                    say('seen')
                if part in ('mem', 'environ'):
                    os.close(os.open(path, os.O_RDONLY))
                elif part == 'fd':
                    os.listdir(path)
                else:
                    os.readlink(path)
                # What was not filtered a moment ago and is now may have become the program meanwhile.
                if not filtered and 'Seccomp:\\t2' not in open(f'/proc/{name}/status').read():
                    say('open ' + part)
                if filtered:
                    say('opened')
            except OSError:
                continue
`;
