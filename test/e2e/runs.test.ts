// Runs of agents that work unattended, over real cages: they outlive the command that launched them, their recorder and worse, and
// what they leave is told as it was.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cagePaths, readCageState } from '../../src/cage/store.ts';
import {
  diagnoseCage,
  findRun,
  followRun,
  launchRun,
  listRuns,
  removeCage,
  salvageCage,
  startCage,
  stopCage,
  stopRun,
  type RunEvent,
  type RunInfo,
} from '../../src/index.ts';
import { readIdentityLink } from '../../src/platform/identity-link.ts';
import { waitForExit } from '../../src/platform/processes.ts';
import { awaitRun } from '../../src/runs/await-run.ts';
import { runPlaces } from '../../src/runs/run-store.ts';
import type { TestBackend } from '../support/backends.ts';
import { onHost, startTestCage, type TestCage } from '../support/cage.ts';
import { engineReason } from '../support/engines.ts';
import { FORGED_END } from '../support/forged-end.ts';
import { until } from '../support/sandbox.ts';

/** Ticks until it is told that it may end. */
const UNTIL_FILE = 'echo begun; until [ -e go-on ]; do sleep 0.05; done; echo went on; exit 5';

function describeRuns(backend: TestBackend, more: (cage: () => TestCage) => void = () => undefined): void {
  describe(`runs in ${backend} cages`, () => {
    let cage: TestCage;
    beforeAll(async () => {
      cage = await startTestCage('runs', { backend });
    });
    afterAll(() => cage.remove());
    const launch = (prompt: string, request: object = {}): Promise<RunInfo> =>
      launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt, ...request });

    test('one is told line by line, with its errors, its variables and its exit code', async () => {
      const run = await launch('echo "out $GREETING"; echo err >&2; echo "$IRONCAGE_RUN"; exit 3', {
        env: { GREETING: 'hello' },
      });
      const events = await told(cage, run.id);
      expect(texts(events)).toEqual(['out hello', run.id]);
      expect(events.filter(({ kind }) => kind === 'stderr')).toMatchObject([{ text: 'err' }]);
      expect(events.at(-1)).toMatchObject({ kind: 'end', record: { status: 'failed', exitCode: 3, reason: null } });
      // What was inside of it is gone from there, and nothing of the prompt was in an argument.
      expect((await cage.sh('ls -A /ironcage/bus/runs')).stdout).toBe('');
    });

    test('several at once are each their own; one that is stopped takes what it started along', async () => {
      const [one, two] = [await launch(UNTIL_FILE), await launch('sleep 987 & sleep 987')];
      expect((await cage.sh('pgrep -cxf "sleep 987"')).stdout).toBe('2');
      expect(await stopRun(cage.context, two.id)).toMatchObject({
        status: 'stopped',
        exitCode: 143,
        reason: { code: 'user' },
      });
      expect((await cage.sh('pgrep -cxf "sleep 987"')).stdout).toBe('0');
      expect((await listRuns(cage.context, cage.name)).find(({ id }) => id === one.id)?.status).toBe('running');
      await cage.sh('touch go-on');
      expect(texts(await told(cage, one.id))).toEqual(['begun', 'went on']);
      expect(await findRun(cage.context, one.id)).toMatchObject({ status: 'failed', exitCode: 5 });
      await cage.sh('rm go-on');
    });

    test('of what is there already only the last is told, and then all that comes', async () => {
      const run = await launch(`echo first; ${UNTIL_FILE}`);
      await until('its beginning to be recorded', async () => {
        const there: RunEvent[] = [];
        for await (const event of followRun(cage.context, run.id, { once: true })) there.push(event);
        return texts(there).includes('begun');
      });
      const follower = followRun(cage.context, run.id, { last: 1 });
      const first = await follower.next();
      const events = first.done === true ? [] : [first.value];
      await cage.sh('touch go-on');
      for await (const event of follower) events.push(event);
      expect(texts(events)).toEqual(['begun', 'went on']);
      await cage.sh('rm go-on');
    });

    test('a recorder that is killed is replaced, and not a line is lost', async () => {
      const run = await launch(UNTIL_FILE);
      const recorder = readIdentityLink(runPlaces(cage.context, cage.name, run.id).recorder);
      if (recorder === undefined || recorder === 'gone') throw new Error('nobody records it');
      process.kill(recorder.pid, 'SIGKILL');
      expect(await waitForExit(recorder, 5_000)).toBe(true);
      await cage.sh('touch go-on');
      expect(texts(await told(cage, run.id))).toEqual(['begun', 'went on']);
      expect(await findRun(cage.context, run.id)).toMatchObject({ status: 'failed', exitCode: 5 });
      await cage.sh('rm go-on');
    });

    test('a budget that is reached stops it and says so', async () => {
      const run = await launch('sleep 60', { budget: { time: '1s' } });
      expect((await told(cage, run.id)).at(-1)).toMatchObject({
        record: {
          status: 'stopped',
          reason: { code: 'budget-time', message: expect.stringContaining('of 1 seconds') },
        },
      });
    });

    test('a run that forges its end has nothing left, however it tried to get away', async () => {
      const away = '(setsid env -i sleep 985 >/dev/null 2>&1 &)';
      const run = await launch(`${away}; sleep 985 & ${FORGED_END}`, { budget: { time: '1h' } });
      expect(await awaitRun(cage.context, run.id)).toMatchObject({
        status: 'done',
        notes: ['programs of it went on after its end, and were ended'],
      });
      expect((await cage.sh('pgrep -cxf "sleep 985"')).stdout).toBe('0');
    });

    more(() => cage);

    test('a cage that is stopped ends its runs, and says why', async () => {
      const run = await launch('sleep 60');
      await stopCage(cage.context, cage.name);
      // Whoever records it may need a moment to see it.
      expect(await awaitRun(cage.context, run.id)).toMatchObject({
        status: 'stopped',
        reason: { code: 'cage-stopped' },
      });
      await startCage(cage.context, cage.name);
    });
  });
}

describeRuns('native', (given) => {
  test('a supervisor that is killed inside is missed, and its agent ends with it', async () => {
    const cage = given();
    const run = await launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: 'echo begun; sleep 986' });
    await cage.sh(`pkill -KILL -f '^/ironcage/node /ironcage/guest/supervisor.mjs ${run.id}'`);
    expect((await told(cage, run.id)).at(-1)).toMatchObject({
      record: { status: 'failed', reason: { code: 'supervisor-gone' } },
    });
    expect((await cage.sh('pgrep -cxf "sleep 986"')).stdout).toBe('0');
    expect(await diagnoseCage(cage.context, cage.name)).toMatchObject({ verdict: 'gone', run: { liveness: 'gone' } });
  });

  test('a cage that is killed is missed', async () => {
    const cage = given();
    const run = await launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: 'echo begun; sleep 60' });
    const state = readCageState(cage.context, cage.name);
    if (state.phase !== 'running') throw new Error(`the cage is ${state.phase}`);
    process.kill(state.init.pid, 'SIGKILL');
    const events = await told(cage, run.id);
    expect(texts(events)).toEqual(['begun']);
    expect(events.at(-1)).toMatchObject({ record: { status: 'failed', reason: { code: 'cage-gone' } } });
    await startCage(cage.context, cage.name);
  });

  test('a run outlives a killed command that launched it; Ctrl-C stops it', async () => {
    const cage = given();
    const killed = commandLine(cage, 'launch', cage.name, '--agent', 'shell', '-p', UNTIL_FILE);
    await said(killed, 'begun');
    killed.kill('SIGKILL');
    const run = (await listRuns(cage.context, cage.name)).at(-1);
    expect(run).toMatchObject({ status: 'running' });
    await cage.sh('touch go-on');
    expect(texts(await told(cage, run?.id ?? ''))).toEqual(['begun', 'went on']);
    const interrupted = commandLine(cage, 'launch', cage.name, '--agent', 'shell', '-p', 'echo begun; sleep 60');
    await said(interrupted, 'begun');
    interrupted.kill('SIGINT');
    expect(await exitOf(interrupted)).toBe(143);
    expect((await listRuns(cage.context, cage.name)).at(-1)).toMatchObject({
      status: 'stopped',
      reason: { code: 'interrupted' },
    });
    await cage.sh('rm go-on');
  });

  test.each(['begin', 'written', 'prompt inside', 'recorder there'])(
    'a launch that ends at "%s" leaves no half run',
    async (step) => {
      const cage = given();
      const before = readdirSync(cagePaths(cage.context, cage.name).runs).length;
      const stopAt = (name: string): void => {
        if (name === `launch: ${step}`) throw new Error('ended here');
      };
      const request = { cage: cage.name, agent: 'shell', prompt: 'echo never; touch never' };
      await expect(launchRun({ ...cage.context, step: stopAt }, request)).rejects.toThrow('ended here');
      expect(readdirSync(cagePaths(cage.context, cage.name).runs)).toHaveLength(before);
      expect((await cage.sh('ls never')).exitCode).not.toBe(0);
    },
  );

  test('what a hostile run puts in the place of its files is not followed', async () => {
    const cage = given();
    const secret = join(cage.directory, 'secret');
    writeFileSync(secret, 'a secret of the host');
    const link = `cd /ironcage/bus/runs/$IRONCAGE_RUN; rm -f stderr.log status.json; ln -s ${secret} stderr.log; mkfifo stream; sleep 2`;
    const run = await launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: link });
    await told(cage, run.id);
    expect(readFileSync(runPlaces(cage.context, cage.name, run.id).output.stderr.bytes, 'utf8')).toBe('');
  });

  test('ten megabytes in one line are one event; a hundred thousand are followed in little memory', async () => {
    const cage = given();
    const long = `head -c 10485760 /dev/zero | tr '\\0' x; echo; seq 100000`;
    const run = await launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: long });
    const sizes = texts(await told(cage, run.id)).map((text) => text.length);
    expect([sizes.length, sizes[0]]).toEqual([100_001, 10_485_760]);
    const raw = await onHost.exec(cage.ironcage.argv('logs', run.id, '--raw'), { env: cage.ironcage.env });
    expect(raw.bytes.length).toBe(10_485_761 + 588_895);
    const many = await launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: 'seq 100000' });
    const follower = commandLine(cage, 'logs', many.id, '-f');
    let lines = 0;
    let peakKb = 0;
    follower.stdout?.on('data', (chunk: Buffer) => {
      lines += chunk.toString('latin1').split('\n').length - 1;
      peakKb = Math.max(peakKb, ownMemoryKb(follower.pid));
    });
    expect(await exitOf(follower)).toBe(0);
    expect(lines).toBe(100_000);
    expect(peakKb).toBeGreaterThan(1_000);
    expect(peakKb).toBeLessThan(50 * 1024);
  });

  test('a budget of the cage counts all its runs, and another launch is refused', async () => {
    const cage = given();
    const options = { budget: { time: '1s' } };
    await expect(
      launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: 'true', options }),
    ).rejects.toMatchObject({
      code: 'E_REFUSED',
    });
    await launchRun(cage.context, {
      cage: cage.name,
      agent: 'shell',
      prompt: 'true',
      options: { budget: { time: '9d' } },
    });
  });

  test('a run whose cage’s budget cannot be read any more is stopped by whoever takes it up', async () => {
    const cage = given();
    const run = await launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt: 'sleep 979' });
    const { spec } = cagePaths(cage.context, cage.name);
    const kept = readFileSync(spec);
    writeFileSync(spec, '{');
    try {
      const recorder = readIdentityLink(runPlaces(cage.context, cage.name, run.id).recorder);
      if (recorder === undefined || recorder === 'gone') throw new Error('nobody records it');
      process.kill(recorder.pid, 'SIGKILL');
      expect(await waitForExit(recorder, 5_000)).toBe(true);
      expect(await awaitRun(cage.context, run.id)).toMatchObject({
        status: 'stopped',
        reason: { code: 'budget-unreadable', message: expect.stringContaining('cannot be read') },
      });
    } finally {
      writeFileSync(spec, kept);
    }
    expect((await cage.sh('pgrep -cxf "sleep 979"')).stdout).toBe('0');
  });

  test('salvage takes the work out of a cage whose spec and state are broken, and leaves it as it was', async () => {
    const cage = given();
    await cage.sh('echo work >salvaged-file; echo note >"$HOME/note"');
    const broken = await startTestCage('broken', { backend: 'native' });
    await broken.sh('echo work >salvaged-file');
    await stopCage(broken.context, broken.name);
    const { spec, state } = cagePaths(broken.context, broken.name);
    const kept = [spec, state].map((path) => [path, readFileSync(path)] as const);
    for (const [path] of kept) writeFileSync(path, '{');
    const target = join(broken.directory, 'out');
    const { failed } = await salvageCage(broken.context, broken.name, target);
    expect(failed).toEqual([]);
    const found = await onHost.exec(['grep', '-rlx', 'work', target]);
    expect(found.stdout).toMatch(/salvaged-file$/);
    expect(existsSync(spec) && readFileSync(spec, 'utf8') === '{').toBe(true);
    for (const [path, bytes] of kept) writeFileSync(path, bytes);
    await removeCage(broken.context, broken.name, { discard: true });
    rmSync(broken.directory, { recursive: true, force: true });
  });
});

for (const engine of ['docker', 'podman'] as const) {
  const reason = engineReason(engine);
  describe.skipIf(reason !== undefined)(reason ?? `${engine} is here`, () => describeRuns(engine));
}

async function told(cage: TestCage, id: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of followRun(cage.context, id)) events.push(event);
  return events;
}

function texts(events: readonly RunEvent[]): string[] {
  return events.flatMap((each) => (each.kind === 'event' && each.event.type === 'text' ? [each.event.text] : []));
}

function commandLine(cage: TestCage, ...args: string[]): ChildProcess {
  const [program = '', ...rest] = cage.ironcage.argv(...args);
  return spawn(program, rest, { env: cage.ironcage.env, cwd: cage.project, stdio: ['ignore', 'pipe', 'ignore'] });
}

function said(child: ChildProcess, wanted: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.includes(wanted)) resolve();
    });
    child.once('exit', () => reject(new Error(`it ended without saying ${wanted}: ${text}`)));
  });
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve));
}

/** What the process has for itself: pages of Node's own program are shared by all that run it. */
function ownMemoryKb(pid: number | undefined): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    // It has ended.
    return 0;
  }
}
