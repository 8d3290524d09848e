// What a cage may use of the machine has a bound, and reaching it costs the cage and not the host.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cageProcesses } from '../../src/backends/host/cage-processes.ts';
import { readCageState } from '../../src/cage/store.ts';
import { showCage, startCage, stopCage } from '../../src/index.ts';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';

const PIDS = 40;
const MEMORY_MIB = 192;
let cage: TestCage;

beforeAll(async () => {
  cage = await startTestCage('limits', { options: { pids: String(PIDS), memory: `${MEMORY_MIB}m` } });
});
afterAll(() => cage.remove());

const FORKS = (wanted: number): string => `
import os, signal, time
children = []
try:
    for _ in range(${wanted}):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
    print('made all', len(children))
except OSError as error:
    print('stopped at', len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
`;

test('ESC-LIM-1: processes are bounded, and the cage works again when they are gone', async () => {
  expect((await cage.python(FORKS(5))).stdout).toBe('made all 5');
  const seen = await cage.python(FORKS(400));
  const made = Number(/^stopped at (\d+)$/.exec(seen.stdout)?.[1]);
  expect(made).toBeGreaterThan(5);
  expect(made).toBeLessThan(PIDS);
  expect((await cage.sh('echo again')).stdout).toBe('again');
});

test('ESC-LIM-2: while a cage is full of processes, the host makes new ones and can stop it', async () => {
  const { context, name } = cage;
  const fill = FORKS(400).split('for child in children')[0];
  const bomb = cage.python(`${fill}\nsignal.pause()`);
  const state = readCageState(context, name);
  if (state.phase !== 'running') throw new Error('the cage does not run');
  await expect.poll(() => cageProcesses(state.init).length, { timeout: 20_000 }).toBeGreaterThan(PIDS / 2);
  const many = 'n=0; for i in $(seq 60); do sleep 60 & all="$all $!"; n=$((n+1)); done; echo $n; kill $all';
  expect((await onHost.sh(many)).stdout).toBe('60');
  await stopCage(context, name);
  expect((await bomb).exitCode).not.toBe(0);
  await startCage(context, name);
  expect((await cage.sh('echo again')).stdout).toBe('again');
});

const ALLOCATE = (mebibytes: number): string => `
kept = []
try:
    for _ in range(${mebibytes}):
        kept.append(bytearray(b'x') * (1 << 20))
    print('has', len(kept))
except MemoryError:
    print('refused at', len(kept))
`;

test('ESC-LIM-3: memory is bounded', async () => {
  expect(await cage.python(ALLOCATE(64))).toMatchObject({ exitCode: 0, stdout: 'has 64' });
  const seen = await cage.python(ALLOCATE(MEMORY_MIB * 3));
  expect(seen.stdout).not.toMatch(/^has/);
  // Resource limits refuse the allocation; a control group kills the program.
  expect(seen.stdout.startsWith('refused at') || seen.exitCode === 137).toBe(true);
  expect((await cage.sh('echo again')).stdout).toBe('again');
});

test('ESC-LIM-4: limits cannot be raised from inside', async () => {
  const raised = await cage.sh(`
    for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/*/ironcage/*/pids.max; do
      (echo max >"$file") 2>/dev/null && echo "$file"; done
    ulimit -S -u >/dev/null 2>&1; prlimit --pid 1 --nproc=unlimited:unlimited 2>/dev/null && echo raised; echo tried`);
  const view = await showCage(cage.context, 'limits');
  expect(raised.stdout.replace(view.limits.pids.enforcedBy === 'cgroup' ? /^raised\n/m : '', '')).toBe('tried');
  expect(view.limits.memory).toEqual({
    value: MEMORY_MIB * 2 ** 20,
    enforcedBy: expect.stringMatching(/^(?:cgroup|rlimit)$/),
  });
  expect(view.limits.pids).toEqual({ value: PIDS, enforcedBy: expect.stringMatching(/^(?:cgroup|rlimit)$/) });
});
