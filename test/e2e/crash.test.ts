// A crash between any two steps of create, start, stop, restart, launch and rm: the next command finds its way, nothing goes on
// running, no half-made cage stays, and work that was nowhere else is still there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openSandbox, until, type Sandbox } from '../support/sandbox.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));
const CAGE = 'crash';

let sandbox: Sandbox;
let project: string;
beforeAll(() => {
  sandbox = openSandbox();
  project = sandbox.project('p');
});
afterAll(() => sandbox.close());

interface ChildEnd {
  steps: string[];
  killed: boolean;
}

/** Runs one operation; with `last` it is killed at that step. Throws when it failed by itself. */
function operate(operation: string, last?: number): ChildEnd {
  const args = [CHILD, operation, CAGE, project, ...(last === undefined ? [] : [String(last)])];
  const child = spawnSync(process.execPath, args, { env: sandbox.env, encoding: 'utf8', timeout: 60_000 });
  const killed = child.signal === 'SIGKILL';
  if (!killed && child.status !== 0) throw new Error(`${operation} failed: ${child.stderr}`);
  return { steps: child.stdout.split('\n').filter(Boolean), killed };
}

function interrupt(operation: string, step: number): string | null {
  const args = [CHILD, operation, CAGE, project, String(step), 'SIGINT'];
  return spawnSync(process.execPath, args, { env: sandbox.env, encoding: 'utf8', timeout: 60_000 }).signal;
}

async function ok(...args: string[]): Promise<string> {
  const result = await sandbox.run(args);
  expect(result.stderr, args.join(' ')).not.toContain('error[');
  expect(result.exitCode, args.join(' ')).toBe(0);
  return result.stdout;
}

/** Made once, since every operation but a removal must leave it whole. */
async function cageWithWork(): Promise<void> {
  if ((await sandbox.run(['diff', CAGE, '--json'])).stdout.includes('work.txt')) return;
  await sandbox.run(['rm', '-y', '--discard', CAGE]);
  await ok('create', project, '--name', CAGE);
  await ok('exec', CAGE, '--', 'sh', '-c', 'echo only here > work.txt');
}

/** What must hold of a cage with work after a crash, once any command has been given. */
async function expectWorkAndNoStrays(): Promise<void> {
  expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ name: CAGE }]);
  expect((await sandbox.run(['diff', CAGE, '--json'])).json()).toMatchObject({ files: [{ path: 'work.txt' }] });
  expect((await sandbox.run(['rm', '-y', CAGE])).exitCode).toBe(126);
  expect(await ok('exec', CAGE, '--', 'cat', 'work.txt')).toBe('only here\n');
  await expectQuietAfterStop();
}

/** Processes that no command knows of end by themselves, since what they waited for is gone. */
async function expectQuietAfterStop(): Promise<void> {
  await ok('stop', CAGE);
  await until('every process of the cage to be gone', () => sandbox.processes().length === 0);
}

/** One test a step, over the steps that a dry run of the operation reports. */
function atEachStep(
  operation: string,
  steps: readonly string[],
  check: (step: string, number: number) => Promise<void>,
): void {
  test(`${operation} has the steps ${steps.join(', ')}`, async () => {
    if (operation === 'create') await sandbox.run(['rm', '-y', '--discard', CAGE]);
    else {
      await cageWithWork();
      await ok(operation === 'start' ? 'stop' : 'start', CAGE);
    }
    expect(operate(operation)).toEqual({ steps, killed: false });
  });
  test.each(steps.map((step, number) => ({ step, number })))(`${operation} killed at $step`, ({ step, number }) =>
    check(step, number),
  );
}

const CREATE = [
  'begin',
  'directory made',
  'announced',
  'agent found',
  'workspace prepared',
  'home made',
  'spec written',
  'written',
].map((step) => `create: ${step}`);
const START = ['begin', 'announced', 'egress known', 'holder known', 'cage exists', 'written'].map(
  (step) => `start: ${step}`,
);
const STOP = ['begin', 'announced', 'ended', 'written'].map((step) => `stop: ${step}`);
const REMOVE = ['remove: stopped', 'remove: announced', 'trash: keys gone', 'remove: gone'];

describe('create', () => {
  atEachStep('create', CREATE, async (step, number) => {
    await sandbox.run(['rm', '-y', '--discard', CAGE]);
    expect(operate('create', number)).toEqual({ steps: CREATE.slice(0, number + 1), killed: true });
    const again = await sandbox.run(['create', project, '--name', CAGE, '--json']);
    if (step === 'create: written') expect(again.told()).toMatchObject({ error: { code: 'E_CAGE_EXISTS' } });
    else expect(again.exitCode).toBe(0);
    expect(await ok('exec', CAGE, '--', 'cat', 'old.txt')).toBe('old\n');
    await expectQuietAfterStop();
  });

  test('a half-made cage is listed as broken, shown as an error, and removed by rm', async () => {
    await sandbox.run(['rm', '-y', '--discard', CAGE]);
    operate('create', CREATE.indexOf('create: workspace prepared'));
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ name: CAGE, status: 'broken' }]);
    const shown = await sandbox.run(['show', CAGE, '--json']);
    expect([2, 125]).toContain(shown.exitCode);
    await ok('rm', CAGE);
    expect((await sandbox.run(['list', '--json'])).json()).toEqual([]);
    expect(readdirSync(join(sandbox.dataRoot, 'cages'))).toEqual([]);
  });

  test('doctor explains a half-made cage and --fix takes it away', async () => {
    operate('create', CREATE.indexOf('create: announced'));
    const report = await sandbox.run(['doctor', '--json']);
    expect(report.stdout).toContain(`an interrupted command left it`);
    await ok('doctor', '--fix');
    expect((await sandbox.run(['list', '--json'])).json()).toEqual([]);
  });
});

describe('start', () => {
  atEachStep('start', START, async (step, number) => {
    await cageWithWork();
    await ok('stop', CAGE);
    expect(operate('start', number)).toEqual({ steps: START.slice(0, number + 1), killed: true });
    if (step === 'start: egress known') {
      expect((await sandbox.run(['list', '--json'])).json()).toMatchObject([{ status: 'broken', unexported: true }]);
    }
    await expectWorkAndNoStrays();
  });
});

describe('stop', () => {
  atEachStep('stop', STOP, async (_step, number) => {
    await cageWithWork();
    await ok('start', CAGE);
    expect(operate('stop', number)).toEqual({ steps: STOP.slice(0, number + 1), killed: true });
    await expectWorkAndNoStrays();
  });
});

describe('launch', () => {
  const LAUNCH = ['begin', 'written', 'prompt inside', 'recorder there', 'made', 'settled'].map(
    (step) => `launch: ${step}`,
  );
  const runs = async (): Promise<{ status: string }[]> =>
    z.array(z.looseObject({ status: z.string() })).parse((await sandbox.run(['runs', CAGE, '--json'])).json());
  const idle = (): Promise<void> =>
    until('its runs to end', async () => (await runs()).every(({ status }) => status !== 'running'));
  const timesRun = async (): Promise<number> =>
    Number(await ok('exec', CAGE, '--', 'sh', '-c', 'cat "$HOME/ran" 2>/dev/null | wc -l'));

  atEachStep('launch', LAUNCH, async (step, number) => {
    await cageWithWork();
    await ok('start', CAGE);
    await idle();
    const before = [(await runs()).length, await timesRun()];
    expect(operate('launch', number)).toEqual({ steps: LAUNCH.slice(0, number + 1), killed: true });
    // What was made a run goes on without whoever launched it, once; of all else there is nothing.
    const isRun = LAUNCH.indexOf(step) >= LAUNCH.indexOf('launch: made');
    await idle();
    const after = [(await runs()).length, await timesRun()];
    expect(after).toEqual(before.map((count) => count + (isRun ? 1 : 0)));
    if (isRun) expect((await runs()).at(-1)).toMatchObject({ status: 'done', exitCode: 0, reason: null });
    // Another launch takes away what the killed one had laid ready.
    await ok('launch', CAGE, '--agent', 'shell', '-p', 'true');
    const drafts = readdirSync(join(sandbox.dataRoot, 'cages', CAGE, 'runs')).filter((name) => name.startsWith('.'));
    expect([drafts, await ok('exec', CAGE, '--', 'ls', '-A', '/ironcage/bus/runs')]).toEqual([[], '']);
    await expectWorkAndNoStrays();
  });
});

describe('rm', () => {
  atEachStep('remove', [...STOP, ...REMOVE], async (step, number) => {
    await cageWithWork();
    await ok('start', CAGE);
    expect(operate('remove', number)).toMatchObject({ killed: true });
    // The user has agreed to part with the work, which counts once that is on disk.
    const agreed = REMOVE.slice(1).includes(step);
    if (!agreed) return expectWorkAndNoStrays();
    expect((await sandbox.run(['create', project, '--name', CAGE])).exitCode).toBe(0);
    expect((await sandbox.run(['diff', CAGE, '--json'])).json()).toMatchObject({ files: [] });
    await expectQuietAfterStop();
    await ok('restore', '--trash', CAGE, '--force');
    expect(await ok('exec', CAGE, '--', 'cat', 'work.txt')).toBe('only here\n');
  });
});

describe('restore --trash', () => {
  const RESTORE = ['spec written', 'state written', 'in place'].map((step) => `restore: ${step}`);

  test(`has the steps ${RESTORE.join(', ')}`, async () => {
    await cageWithWork();
    await ok('rm', '-y', '--discard', CAGE);
    expect(operate('restore')).toEqual({ steps: RESTORE, killed: false });
    expect(await ok('exec', CAGE, '--', 'cat', 'work.txt')).toBe('only here\n');
  });

  test.each(RESTORE.map((step, number) => ({ step, number })))('killed at $step', async ({ step, number }) => {
    await ok('rm', '-y', '--discard', CAGE);
    expect(operate('restore', number)).toEqual({ steps: RESTORE.slice(0, number + 1), killed: true });
    const isBack = step === 'restore: in place';
    expect((await sandbox.run(['list', '--json'])).json()).toMatchObject(isBack ? [{ name: CAGE }] : []);
    if (!isBack) await ok('restore', '--trash', CAGE);
    await expectWorkAndNoStrays();
  });
});

describe('prune', () => {
  const PRUNE = ['trash: going', 'prune: one gone'];
  const inTrash = (): string[] => readdirSync(join(sandbox.dataRoot, 'trash'));

  test.each(PRUNE.map((step, number) => ({ step, number })))(
    'killed at $step leaves no half of a removed cage to be restored',
    async ({ number }) => {
      await cageWithWork();
      // What the tests above left there.
      rmSync(join(sandbox.dataRoot, 'trash'), { recursive: true, force: true });
      await ok('rm', '-y', '--discard', CAGE);
      expect(operate('prune', number)).toEqual({ steps: PRUNE.slice(0, number + 1), killed: true });
      expect(inTrash()).toEqual(number === 0 ? [expect.stringMatching(/^\.crash\./)] : []);
      expect((await sandbox.run(['list', '--trash', '--json'])).json()).toEqual([]);
      expect((await sandbox.run(['restore', '--trash', CAGE])).exitCode).toBe(2);
      await ok('prune', '-y');
      expect(inTrash()).toEqual([]);
    },
  );
});

describe('backup', () => {
  const BACKUP = [
    'announced',
    'base written',
    'home written',
    'bus written',
    'trees/0 written',
    'written',
    'named',
  ].map((step) => `backup: ${step}`);

  test.each(BACKUP.map((step, number) => ({ step, number })))(
    'killed at $step leaves the old file or the new one, and a cage as it was',
    async ({ step, number }) => {
      await cageWithWork();
      await ok('stop', CAGE);
      writeFileSync(`${project}.backup`, 'old');
      expect(operate('backup', number)).toEqual({ steps: BACKUP.slice(0, number + 1), killed: true });
      expect((await sandbox.run(['doctor'])).stdout).toContain('half-made backup');
      await ok('stop', CAGE);
      expect(readdirSync(sandbox.directory).filter((name) => name.includes('partial'))).toEqual([]);
      const isNew = readFileSync(`${project}.backup`, 'latin1') !== 'old';
      expect(isNew).toBe(step === 'backup: named');
      expect((await sandbox.run(['diff', CAGE, '--json'])).json()).toMatchObject({ files: [{ path: 'work.txt' }] });
    },
  );
});

describe('Ctrl-C', () => {
  const files = (): string[] => readdirSync(sandbox.directory).filter((name) => name.includes('partial'));
  const cages = (): string[] =>
    readdirSync(join(sandbox.dataRoot, 'cages')).filter((name) => name.startsWith(`.${CAGE}.r`));

  test('leaves no half-made backup, and lets the cage go on', async () => {
    await cageWithWork();
    await ok('start', CAGE);
    writeFileSync(`${project}.backup`, 'old');
    expect(interrupt('backup', 3)).toBe('SIGINT');
    expect(files()).toEqual([]);
    expect(readdirSync(join(sandbox.dataRoot, 'cages', CAGE))).not.toContain('held.json');
    expect(readFileSync(`${project}.backup`, 'utf8')).toBe('old');
    await ok('stop', CAGE);
  });

  test('leaves nothing of a restore, and the cage as it was', async () => {
    await ok('backup', CAGE, '-o', `${project}.backup`, '--force');
    for (const step of [0, 1, 2]) {
      expect(interrupt('restore-file', step)).toBe('SIGINT');
      expect(cages()).toEqual([]);
    }
    expect(await ok('exec', CAGE, '--', 'cat', 'work.txt')).toBe('only here\n');
    await ok('stop', CAGE);
  });

  test('leaves nothing of a cage in the making', async () => {
    await ok('rm', '-y', '--discard', CAGE);
    expect(interrupt('create', 2)).toBe('SIGINT');
    expect((await sandbox.run(['list', '--json'])).json()).toEqual([]);
  });
});

describe('restore of a backup', () => {
  const RESTORE = [
    ...['begin', 'unpacked', 'workspaces laid', 'put together'].map((step) => `restore: ${step}`),
    ...['remove: stopped', 'restore: announced', 'remove: announced', 'trash: keys gone', 'remove: gone'],
    ...['room made', 'in place'].map((step) => `restore: ${step}`),
  ];

  test('has its steps', async () => {
    await cageWithWork();
    await ok('stop', CAGE);
    await ok('backup', CAGE, '-o', `${project}.backup`, '--force');
    await ok('exec', CAGE, '--', 'sh', '-c', 'echo later > work.txt');
    await ok('stop', CAGE);
    expect(operate('restore-file')).toEqual({ steps: RESTORE, killed: false });
    expect(await ok('exec', CAGE, '--', 'cat', 'work.txt')).toBe('only here\n');
  });

  test.each(RESTORE.map((step, number) => ({ step, number })))(
    'killed at $step leaves the old cage or the new one',
    async ({ step, number }) => {
      await ok('exec', CAGE, '--', 'sh', '-c', 'echo later > work.txt');
      await ok('stop', CAGE);
      expect(operate('restore-file', number)).toEqual({ steps: RESTORE.slice(0, number + 1), killed: true });
      await ok('doctor', '--fix');
      const isNew = RESTORE.indexOf(step) >= RESTORE.indexOf('remove: announced');
      expect(await ok('exec', CAGE, '--', 'cat', 'work.txt')).toBe(isNew ? 'only here\n' : 'later\n');
      expect(readdirSync(join(sandbox.dataRoot, 'cages'))).toEqual([CAGE]);
      await ok('stop', CAGE);
    },
  );
});

describe('a running cage', () => {
  test.each(['egress', 'holder', 'init'] as const)(
    'whose %s was killed is broken, and the next command repairs it',
    async (role) => {
      await cageWithWork();
      await ok('start', CAGE);
      process.kill(pidOf(role), 'SIGKILL');
      await until('the cage to be seen as broken', async () => {
        const listed = await sandbox.run(['list', '--json']);
        return listed.stdout.includes('"status": "broken"');
      });
      await expectWorkAndNoStrays();
    },
  );

  test('whose lock was left by a killed command is not locked', async () => {
    await sandbox.run(['rm', '-y', '--discard', CAGE]);
    operate('create', CREATE.indexOf('create: announced'));
    const locks = readdirSync(join(sandbox.dataRoot, 'cages')).filter((name) => name.endsWith('.lock'));
    expect(locks).toHaveLength(1);
    await ok('create', project, '--name', CAGE);
    expect(readdirSync(join(sandbox.dataRoot, 'cages'))).toEqual([CAGE]);
    expect(existsSync(join(sandbox.dataRoot, 'cages', CAGE, 'spec.json'))).toBe(true);
  });
});

function pidOf(role: 'egress' | 'holder' | 'init'): number {
  const state = readFileSync(join(sandbox.dataRoot, 'cages', CAGE, 'state.json'), 'utf8');
  const pid = new RegExp(`"${role}":\\{"pid":(\\d+)`).exec(state)?.[1];
  if (pid === undefined) throw new Error(`no ${role} in ${state}`);
  return Number(pid);
}

test('a start that fails when its egress serves already leaves nothing running', async () => {
  // The directory of that mount cannot be made in a read-only /etc: known only when all else is up.
  await ok('create', project, '--name', 'failing', '--mount', `${project}:/etc/not/there`);
  const before = sandbox.processes();
  const { exitCode, stderr } = await sandbox.run(['start', 'failing']);
  expect([exitCode, stderr]).toEqual([125, expect.stringContaining('/etc/not/there')]);
  expect(sandbox.processes()).toEqual(before);
  await ok('rm', '-y', 'failing');
});
