// Checkpoints of a cage: what they hold and what not, the way back, another cage from one, and that neither a kill at any step nor
// Ctrl-C leaves anything but the state before or the one after. The library is asked in this process where that is enough.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../src/index.ts';
import { parseJson } from '../../src/platform/json.ts';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));
const CAGE = 'first';
const NOTHING = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };

let sandbox: Sandbox;
let context: library.Context;
let project: string;
beforeAll(async () => {
  sandbox = openSandbox();
  project = sandbox.project('p');
  context = library.openContext({ environment: sandbox.env, home: sandbox.dataRoot, cwd: project });
  await ok('create', project, '--name', CAGE, '--agent', 'claude', '--port', '0:3000', '--allow', 'a.example');
});
afterAll(() => sandbox.close());

async function ok(...args: string[]): Promise<CliResult> {
  const result = await sandbox.run(args, { env: { ANTHROPIC_API_KEY: 'k'.repeat(40) } });
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result;
}

const below = (cage: string, ...path: string[]): string => join(sandbox.dataRoot, 'cages', cage, ...path);
/** Of a stopped cage: what stands in a file of its work, or of its home. */
const workOf = (cage: string): string => readFileSync(below(cage, 'workspace/tree/work.txt'), 'utf8');
const noteOf = (cage: string): string => readFileSync(below(cage, 'home/note'), 'utf8');
function write(cage: string, text: string): void {
  writeFileSync(below(cage, 'workspace/tree/work.txt'), text);
  writeFileSync(below(cage, 'home/note'), text);
}
const snapshotsOf = async (cage: string): Promise<string[]> =>
  (await library.listSnapshots(context, cage)).map(({ name }) => name);
/** Everything in the directory of a cage and in its place for snapshots. */
const entriesOf = (cage: string): string[] =>
  [below(cage), below(cage, 'snapshots')].flatMap((path) => (existsSync(path) ? readdirSync(path) : []));
/** Nothing that a command has begun and not ended. */
const debris = (cage: string): string[] => entriesOf(cage).filter((name) => /making|rewinding|held/.test(name));

test('a snapshot holds work and home, and nothing that is worth something', async () => {
  write(CAGE, 'old');
  appendFileSync(below(CAGE, 'workspace/tree/README.md'), 'four\n');
  expect((await ok('snapshot', CAGE, '--name', 'old')).stdout).toBe('old\n');
  await expect(library.takeSnapshot(context, CAGE, { name: 'old' })).rejects.toMatchObject({
    code: 'E_SNAPSHOT_EXISTS',
  });
  const listed = (await ok('snapshot', CAGE, '--list', '--json')).json();
  expect(listed).toMatchObject([{ cage: CAGE, name: 'old', automatic: false, leftOut: [], notPart: [] }]);
  expect((await ok('show', CAGE)).stdout).toContain('old');
  expect(readdirSync(below(CAGE, 'snapshots/old')).sort()).toEqual(['home', 'snapshot.json', 'workspace']);
  expect(readFileSync(below(CAGE, 'snapshots/old/snapshot.json'), 'utf8')).not.toContain('placeholder');
});

test('a fork is another cage with the same work, and with nothing of the first one’s identity', async () => {
  const placeholderOf = (cage: string): string => {
    const spec = parseJson(readFileSync(below(cage, 'spec.json'), 'utf8'));
    return /"placeholder":"([^"]+)"/.exec(JSON.stringify(spec))?.[1] ?? '';
  };
  const forked = await ok('fork', CAGE, 'second', '--json');
  expect(forked.json()).toMatchObject({ cage: 'second', from: CAGE, unpublished: [expect.stringContaining(':3000')] });
  expect([workOf('second'), noteOf('second')]).toEqual(['old', 'old']);
  expect(placeholderOf('second')).not.toBe(placeholderOf(CAGE));
  const settings = readFileSync(below('second', 'home/.claude.json'), 'utf8');
  expect(settings).toContain(placeholderOf('second').slice(-20));
  expect(settings).not.toContain(placeholderOf(CAGE).slice(-20));
  expect(existsSync(below('second', 'egress'))).toBe(false);
  const shown = (await ok('show', 'second', '--json')).json();
  expect(shown).toMatchObject({
    ports: [],
    snapshots: [],
    reach: expect.arrayContaining([expect.objectContaining({ text: 'a.example' })]),
  });

  const script = 'cat work.txt ~/note; echo new >work.txt; git status --short; id -un';
  expect((await ok('exec', 'second', '--', 'sh', '-c', script)).stdout).toBe(
    'oldold M README.md\n?? work.txt\nagent\n',
  );
  await ok('stop', 'second');
  const paths = ['README.md', 'work.txt'].map((path) => ({ path }));
  expect((await ok('diff', 'second', '--json')).json()).toMatchObject({ files: paths });
  expect((await ok('diff', CAGE, '--json')).json()).toMatchObject({ files: paths });
  expect(workOf(CAGE)).toBe('old');
  await expect(library.forkCage(context, CAGE, 'second')).rejects.toMatchObject({ code: 'E_CAGE_EXISTS' });
  await library.removeCage(context, 'second', { discard: true });
});

test('a rewind keeps what was there, and can be taken back', async () => {
  write(CAGE, 'new');
  const rewound = await ok('rewind', CAGE, 'old', '--json');
  expect(rewound.stderr).toMatch(/work that is nowhere else goes into the snapshot before-rewind-\S+: work\.txt\n/);
  const all = { cage: CAGE, snapshot: 'old', rewound: ['the workspace', 'the home'], kept: [] };
  expect(rewound.json()).toMatchObject({ ...all, putAside: ['work.txt'] });
  expect([workOf(CAGE), noteOf(CAGE)]).toEqual(['old', 'old']);
  const [, before = ''] = await snapshotsOf(CAGE);
  expect(before).toMatch(/^before-rewind-/);
  expect(readFileSync(below(CAGE, 'snapshots', before, 'home/note'), 'utf8')).toBe('new');

  const kept = await sandbox.run(['snapshot', CAGE, '--rm', before]);
  expect([kept.exitCode, kept.stderr]).toEqual([126, expect.stringContaining('work.txt')]);
  const removal = await sandbox.run(['rm', CAGE]);
  expect([removal.exitCode, removal.stderr]).toEqual([126, expect.stringContaining(`snapshot ${before}: work.txt`)]);
  await library.rewindCage(context, CAGE, before);
  expect([workOf(CAGE), noteOf(CAGE)]).toEqual(['new', 'new']);
  // The same files are in the cage now.
  await library.removeSnapshot(context, CAGE, before, { discard: false });
  await expect(library.rewindCage(context, CAGE, before)).rejects.toMatchObject({ code: 'E_NO_SNAPSHOT' });
  await library.removeSnapshot(context, CAGE, (await snapshotsOf(CAGE))[1] ?? '', { discard: true });
});

test('commits that only a snapshot has are work, also where they left no file', async () => {
  const project = sandbox.project('commits');
  await ok('create', project, '--name', 'commits');
  await ok('snapshot', 'commits', '--name', 'before');
  const git = 'git -c user.name=A -c user.email=a@example.org';
  await ok('exec', 'commits', '--', 'sh', '-ec', `git checkout -qb aside; ${git} commit -qm x --allow-empty; git checkout -q -`);
  await ok('stop', 'commits');
  await ok('snapshot', 'commits', '--name', 'after');
  await library.removeSnapshot(context, 'commits', 'after', { discard: false });
  await ok('snapshot', 'commits', '--name', 'after');
  await library.rewindCage(context, 'commits', 'before');
  for (const name of await snapshotsOf('commits'))
    if (name.startsWith('before-rewind')) await library.removeSnapshot(context, 'commits', name, { discard: false });
  const kept = await sandbox.run(['snapshot', 'commits', '--rm', 'after']);
  expect([kept.exitCode, kept.stderr]).toEqual([126, expect.stringContaining('branch aside')]);
  await library.removeCage(context, 'commits', { discard: true });
}); // prettier-ignore

test.each(['../x', 'Old', '.making-x', '', 'x'.repeat(64)])('%j is no name of a snapshot', async (name) => {
  for (const asked of [
    () => library.takeSnapshot(context, CAGE, { name }),
    () => library.rewindCage(context, CAGE, name),
    () => library.forkCage(context, CAGE, 'other', { from: name }),
  ]) {
    await expect(asked()).rejects.toMatchObject({ code: 'E_NAME' });
  }
});

interface ChildEnd {
  steps: string[];
  signal: string | null;
}

/** Runs one operation; with `last` the process ends itself at that step. */
function operate(operation: string, last = -1, signal = 'SIGKILL'): ChildEnd {
  const args = [CHILD, operation, CAGE, project, String(last), signal];
  const child = spawnSync(process.execPath, args, { env: sandbox.env, encoding: 'utf8', timeout: 60_000 });
  if (child.signal === null && child.status !== 0) throw new Error(`${operation} failed: ${child.stderr}`);
  return { steps: child.stdout.split('\n').filter(Boolean), signal: child.signal };
}

const SNAPSHOT = [
  'snapshot: begun',
  'hold: announced',
  'hold: still',
  'hold: let go',
  'snapshot: copied',
  'snapshot: written',
];
const REWIND = [
  ...['begun', 'copied', 'agreed'],
  ...['moved away', 'moved in', 'moved away', 'moved in', 'kept', 'written'],
].map((step) => `rewind: ${step}`);
const FORK = ['begin', 'directory made', 'announced', 'copied', 'home made', 'spec written', 'written'].map(
  (step) => `fork: ${step}`,
);

describe('killed', () => {
  test('while a snapshot is taken away, it is gone and the cage is as it was', async () => {
    expect(operate('snapshot-rm', 0)).toEqual({ steps: ['snapshot: let go'], signal: 'SIGKILL' });
    expect(await snapshotsOf(CAGE)).not.toContain('old');
    expect(debris(CAGE)).toEqual(['.making-old']);
    // As the tests below take it to be.
    write(CAGE, 'old');
    await ok('snapshot', CAGE, '--name', 'old');
    expect([workOf(CAGE), debris(CAGE)]).toEqual(['old', []]);
  });

  test('each operation has the steps that are tried', async () => {
    write(CAGE, 'new');
    expect(operate('rewind').steps).toEqual(REWIND);
    expect(operate('fork').steps).toEqual(FORK);
    await library.removeCage(context, `${CAGE}-2`, { discard: true });
  });

  test.each(REWIND.map((step, number) => ({ step, number })))(
    'at $step a rewind is done or has not been',
    async ({ number }) => {
      write(CAGE, 'new');
      for (const name of (await snapshotsOf(CAGE)).filter((each) => each !== 'old'))
        await library.removeSnapshot(context, CAGE, name, { discard: true });
      expect(operate('rewind', number)).toEqual({ steps: REWIND.slice(0, number + 1), signal: 'SIGKILL' });
      const isAgreed = number >= REWIND.indexOf('rewind: agreed');
      if (number === REWIND.indexOf('rewind: moved away')) {
        const { checks } = await library.doctor(context, { fix: false });
        expect(checks.find(({ id }) => id === `cage.${CAGE}`)).toMatchObject({
          status: 'warn',
          what: expect.stringContaining('rewind'),
        });
      }
      // Any command that takes the lock repairs.
      await library.stopCage(context, CAGE);
      expect([workOf(CAGE), noteOf(CAGE)]).toEqual(isAgreed ? ['old', 'old'] : ['new', 'new']);
      const [, before] = await snapshotsOf(CAGE);
      if (isAgreed)
        expect(readFileSync(below(CAGE, 'snapshots', before ?? '', 'workspace/tree/work.txt'), 'utf8')).toBe('new');
      else expect(before).toBeUndefined();
      expect(debris(CAGE)).toEqual([]);
    },
  );

  test.each(FORK.map((step, number) => ({ step, number })))(
    'at $step a fork is there or is not',
    async ({ step, number }) => {
      write(CAGE, 'old');
      expect(operate('fork', number)).toEqual({ steps: FORK.slice(0, number + 1), signal: 'SIGKILL' });
      const again = library.forkCage(context, CAGE, `${CAGE}-2`);
      if (step === 'fork: written') await expect(again).rejects.toMatchObject({ code: 'E_CAGE_EXISTS' });
      else expect(await again).toMatchObject({ cage: `${CAGE}-2` });
      expect((await library.listCages(context)).map(({ name }) => name)).toEqual([CAGE, `${CAGE}-2`]);
      expect(workOf(`${CAGE}-2`)).toBe('old');
      await library.removeCage(context, `${CAGE}-2`, { discard: true });
    },
  );
});

describe('of a running cage', () => {
  beforeAll(async () => {
    // In step, and never cut short: what is copied at one moment differs by one at most.
    const script = 'i=0; while :; do i=$((i+1)); echo $i 1<>counter; echo $i 1<>~/counter; done';
    const stopped = 'sleep 1000 & kill -STOP $!; echo $! >~/stopped';
    await ok(
      'exec',
      CAGE,
      '--',
      'sh',
      '-c',
      `(setsid sh -c '${script}' & setsid sh -c '${stopped}; sleep 1000' &) </dev/null >/dev/null 2>&1`,
    );
    await until('the cage to count', () => countOf(below(CAGE)) > 5);
  });
  afterAll(() => library.stopCage(context, CAGE));

  const numberIn = (path: string): number => Number(existsSync(path) ? readFileSync(path, 'utf8') : '');
  const countOf = (root: string): number => numberIn(join(root, 'workspace/tree/counter'));
  async function goesOn(): Promise<void> {
    const before = countOf(below(CAGE));
    await until('the cage to count on', () => countOf(below(CAGE)) > before + 5);
  }

  test('a snapshot is of one moment, and the programs go on, but those that were stopped', async () => {
    expect(operate('snapshot').steps).toEqual(SNAPSHOT);
    const root = below(CAGE, 'snapshots/new');
    expect(Math.abs(countOf(root) - numberIn(join(root, 'home/counter')))).toBeLessThanOrEqual(1);
    await goesOn();
    const state = 'sed -n "s/^State:.//p" /proc/$(cat ~/stopped)/status';
    expect((await ok('exec', CAGE, '--', 'sh', '-c', state)).stdout).toMatch(/^T/);
  });

  test.each(SNAPSHOT.map((step, number) => ({ step, number })))(
    'killed at $step it is there or is not, and the programs go on',
    async ({ step, number }) => {
      rmSync(below(CAGE, 'snapshots/new'), { recursive: true, force: true });
      expect(operate('snapshot', number)).toEqual({ steps: SNAPSHOT.slice(0, number + 1), signal: 'SIGKILL' });
      if (step === 'hold: still') {
        const held = countOf(below(CAGE));
        const { checks } = await library.doctor(context, { fix: false });
        expect(checks.find(({ id }) => id === `cage.${CAGE}`)).toMatchObject({
          what: expect.stringContaining('held still'),
        });
        expect(countOf(below(CAGE))).toBe(held);
      }
      await library.startCage(context, CAGE);
      await goesOn();
      expect((await snapshotsOf(CAGE)).includes('new')).toBe(step === 'snapshot: written');
      expect(debris(CAGE)).toEqual([]);
    },
  );

  test('Ctrl-C leaves neither a half-made snapshot nor a program that stands still', async () => {
    rmSync(below(CAGE, 'snapshots/new'), { recursive: true, force: true });
    expect(operate('snapshot', SNAPSHOT.indexOf('hold: still'), 'SIGINT').signal).toBe('SIGINT');
    expect([debris(CAGE), (await snapshotsOf(CAGE)).includes('new')]).toEqual([[], false]);
    await goesOn();
  });

  test('a rewind leaves a cage alone that is in use', async () => {
    await expect(library.rewindCage(context, CAGE, 'old')).rejects.toMatchObject({ code: 'E_LOCKED' });
    await goesOn();
  });
});

test('a cage that ran idle is stopped for a rewind and runs again', async () => {
  await ok('start', CAGE);
  await library.rewindCage(context, CAGE, 'old');
  expect((await ok('exec', CAGE, '--', 'cat', 'work.txt')).stdout).toBe('old');
  expect(await library.listCages(context)).toMatchObject([{ name: CAGE, status: 'running' }]);
  await ok('stop', CAGE);
});

test('further directories are part of it, and one that came later stays as it is', async () => {
  const [early, late] = ['early', 'late'].map((name) => sandbox.project(name));
  await library.addDir(context, CAGE, early ?? '');
  const fileIn = (root: string, dir: string): string => join(root, 'dirs', dir, 'workspace/tree/old.txt');
  writeFileSync(fileIn(below(CAGE), 'early'), 'then');
  await library.takeSnapshot(context, CAGE, { name: 'dirs' });
  await library.addDir(context, CAGE, late ?? '');
  for (const dir of ['early', 'late']) writeFileSync(fileIn(below(CAGE), dir), 'now');
  expect(await library.rewindCage(context, CAGE, 'dirs')).toMatchObject({ kept: ['the directory late'] });
  expect(['early', 'late'].map((dir) => readFileSync(fileIn(below(CAGE), dir), 'utf8'))).toEqual(['then', 'now']);
  await library.forkCage(context, CAGE, 'third', { from: 'dirs' });
  expect(readdirSync(below('third', 'dirs'))).toEqual(['early']);
  expect(await library.diffCage(context, 'third', 'early')).toMatchObject({ files: [{ path: 'old.txt' }] });
});

test('a mounted project is no part of a snapshot, and its cage is not forked', async () => {
  const mounted = sandbox.project('m');
  spawnSync('chown', ['-R', '12345:12345', mounted]);
  await library.createCage(context, mounted, { ...NOTHING, name: 'mounted', workspace: 'mount-ro' });
  const made = await library.takeSnapshot(context, 'mounted');
  expect(made).toMatchObject({ notPart: [`${mounted}: it is mounted`] });
  await expect(library.forkCage(context, 'mounted', 'other')).rejects.toMatchObject({ code: 'E_PROTECTION' });
});
