// Every program that enters a cage has the mounts built anew, on paths that go through directories the cage can write. A
// link put there must not lead a mount out to the host's own files.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IronError, startCage, stopCage } from '../../src/index.ts';
import { claude } from '../../src/agents/claude.ts';
import { seedHome } from '../../src/cage/seed-home.ts';
import { readSpec, writeSpec } from '../../src/cage/store.ts';
import { startTestCage, type TestCage } from '../support/cage.ts';
import { snapshotOf } from '../support/host-snapshot.ts';

let cage: TestCage;
/** Anybody may write here, so that only the confinement of the cage stands in the way. */
let bait: string;

beforeAll(async () => {
  cage = await startTestCage('links', {
    projectName: 'deep/down/project',
    files: { 'README.md': 'a project\n', '.gitignore': '.env\n', 'app/.env': 'TOKEN=hunter2\n' },
    prepare: (project) => {
      bait = join(project, '../../../bait');
      mkdirSync(bait, { mode: 0o777 });
      mkdirSync(join(project, '../../../data-for-cage'));
    },
    options: {
      caches: ['npm'],
      mounts: ['../../../data-for-cage:/home/agent/some/where/data:ro', '../../../data-for-cage:/home/agent/near:ro'],
    },
  });
});
afterAll(() => cage.remove());

const writable = (): string[] => ['/tmp', join(cage.directory, 'deep'), '/home/agent/some'];

test('ESC-46g: the way to a mount cannot be replaced from inside, at any of its steps', async () => {
  const ways = [
    cage.directory,
    join(cage.directory, 'deep'),
    join(cage.directory, 'deep/down'),
    cage.project,
    '/home/agent/some',
    '/home/agent/some/where',
    '/home/agent/near',
    '/home/agent/.npm',
    '/home/agent/.npm/_cacache',
  ];
  for (const way of ways) {
    const { stdout } = await cage.sh(`
      mv ${way} ${way}-moved 2>/dev/null && echo moved; rmdir ${way} 2>/dev/null && echo removed
      ln -sfn /oldroot${bait} ${way} 2>/dev/null; [ -L ${way} ] && echo link; echo tried`);
    expect(stdout, way).toBe('tried');
  }
  // The control: what is no way to a mount can be replaced, beside each of them.
  for (const directory of writable()) {
    const { stdout } = await cage.sh(
      `cd ${directory} && mkdir a && mv a b && rmdir b && ln -s /x a && rm a && echo done`,
    );
    expect(stdout, directory).toBe('done');
  }
  const before = snapshotOf(bait);
  expect((await cage.sh('pwd; ls README.md')).stdout).toBe(`${cage.project}\nREADME.md`);
  expect(snapshotOf(bait)).toEqual(before);
});

test('ESC-46h: a file of secrets that is covered stays covered, whatever is done to its directory', async () => {
  const uncover = 'cp -a app copy; mv app moved; rm -rf app; cat app/.env copy/.env moved/.env 2>/dev/null; echo tried';
  for (let round = 0; round < 2; round += 1) expect((await cage.sh(uncover)).stdout).toBe('tried');
  await stopCage(cage.context, cage.name);
  await startCage(cage.context, cage.name);
  expect((await cage.sh('cat app/.env copy/.env moved/.env 2>/dev/null; echo tried')).stdout).toBe('tried');
});

test('ESC-46i: a link that an earlier run left on the way to a new mount stops the cage from starting', async () => {
  const { context, name } = cage;
  await cage.sh(`ln -s /oldroot${bait} ~/later`);
  await stopCage(context, name);
  const spec = await readSpec(context, name);
  const data = join(cage.directory, 'data-for-cage');
  writeSpec(context, {
    ...spec,
    binds: [...spec.binds, { source: data, target: '/home/agent/later/data', writable: false }],
  });
  const before = snapshotOf(bait);
  const refusal: unknown = await startCage(context, name).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(IronError);
  expect(refusal).toMatchObject({ code: 'E_PROTECTION', because: expect.stringContaining('a link is in the way') });
  expect(snapshotOf(bait)).toEqual(before);
  // The control: without that mount it starts.
  writeSpec(context, spec);
  await startCage(context, name);
  expect((await cage.sh('echo up')).stdout).toBe('up');
});

test('ESC-46j: what one cage leaves in a home that others share leads neither their files nor their mounts out', async () => {
  const { directory } = cage;
  const sharing = (name: string, mounts: string[]): Promise<TestCage> =>
    startTestCage(name, { directory, projectName: name, options: { profile: 'shared', mounts } });
  const one = await sharing('one', []);
  await one.sh(`ln -s /oldroot${bait} ~/later; ln -s ${bait} ~/.claude; ln -s ${bait}/made ~/.claude.json`);
  const before = snapshotOf(bait);
  const data = `${join(directory, 'data-for-cage')}:/home/agent/later/data:ro`;
  await expect(sharing('two', [data])).rejects.toMatchObject({ code: 'E_PROTECTION' });
  const home = join(one.context.dataRoot, 'profiles/shared/home');
  const seed = { project: one.project, secrets: [] };
  expect(() => seedHome(home, claude, seed, undefined)).toThrow();
  expect(snapshotOf(bait)).toEqual(before);
  // The controls: without that mount it starts and sees the same home; without the link the files come to be.
  const two = await sharing('two', []);
  expect((await two.sh('readlink ~/later; rm ~/.claude; mkdir ~/.claude')).stdout).toBe(`/oldroot${bait}`);
  seedHome(home, claude, seed, undefined);
  expect(existsSync(join(home, '.claude/settings.json'))).toBe(true);
  await Promise.all([one.remove(), two.remove()]);
});
