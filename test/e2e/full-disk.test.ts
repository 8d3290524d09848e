// The disk below the record of a cage that runs fills up: what cannot be recorded does not happen, and once there is room
// everything goes on by itself. Root mounts a small file system there; whoever may not gets a bound on the egress's files. Another
// one fills up while a cage is kept. No other file runs beside this one: what starts meanwhile would hold on to these mounts.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as library from '../../src/index.ts';
import { createWorld, startOrigin, type Origin } from '../integration/egress-rig.ts';
import { egressOf } from '../support/egress-process.ts';
import { openSandbox, until, type Sandbox } from '../support/sandbox.ts';

interface Disk {
  /** While nothing of the cage runs. */
  prepare(): void;
  fill(): void;
  makeRoom(): void;
  takeAway(): void;
}

let sandbox: Sandbox;
let origin: Origin;
let route: string;
const arrived: string[] = [];
beforeAll(async () => {
  sandbox = openSandbox();
  const world = await createWorld();
  origin = await startOrigin(world, 'shop.example', (request, response) => {
    arrived.push(request.url ?? '');
    response.end('here');
  });
  const caFile = join(sandbox.directory, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  route = `shop.example=127.0.0.1:${origin.port},ca=${caFile}`;
});
afterAll(async () => {
  await sandbox.close();
  await origin.close();
});

const auditOf = (cage: string): string => join(sandbox.dataRoot, 'cages', cage, 'egress', 'audit');

function smallFileSystem(cage: string): Disk {
  const ballast = join(auditOf(cage), 'ballast');
  return {
    prepare: () => void execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', auditOf(cage)]),
    fill() {
      const file = openSync(ballast, 'w', 0o600);
      try {
        for (;;) writeSync(file, Buffer.alloc(4096));
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      } finally {
        closeSync(file);
      }
    },
    makeRoom: () => rmSync(ballast),
    takeAway: () => void execFileSync('umount', [auditOf(cage)]),
  };
}

function boundOnFiles(cage: string): Disk {
  const setBound = (bytes: string): void => {
    const { program } = egressOf(sandbox.dataRoot, cage);
    execFileSync('prlimit', ['--pid', String(program), `--fsize=${bytes}:`]);
  };
  return {
    prepare: () => undefined,
    fill: () => setBound(String(statSync(join(auditOf(cage), 'audit.jsonl')).size)),
    makeRoom: () => setBound('unlimited'),
    takeAway: () => undefined,
  };
}

/** Root may always mount; a process of one's own can be bounded by whoever is not root. */
const diskOf = process.getuid?.() === 0 ? smallFileSystem : boundOnFiles;

test('a cage whose record has no room has no network, and has it again by itself', async () => {
  const cage = 'desk';
  const ok = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await sandbox.run(args);
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  const ask = async (path: string): Promise<string> => {
    const inside = ['curl', '-sS', '--max-time', '20', '-w', ' %{http_code}', `https://shop.example${path}`];
    return (await sandbox.run(['exec', cage, '--', ...inside])).stdout.trim();
  };
  const records = (): string => readFileSync(join(auditOf(cage), 'audit.jsonl'), 'utf8');

  await ok('create', sandbox.project(cage), '--name', cage, '--allow', 'shop.example', '--route', route);
  const disk = diskOf(cage);
  // Makes the directory.
  await ok('start', cage);
  await ok('stop', cage);
  disk.prepare();
  try {
    await ok('start', cage);
    const egress = egressOf(sandbox.dataRoot, cage);
    expect(await ask('/before')).toBe('here 200');
    disk.fill();
    // The last block of the record may have room for a few more.
    await until('a request to be refused', async () => (await ask('/meanwhile')).endsWith(' 503'));
    arrived.length = 0;
    expect(await ask('/full')).toMatch(/"rule":"<audit>"[^]* 503$/);
    expect(await ask('/full?again')).toMatch(/"rule":"<audit>"[^]* 503$/);
    expect(arrived).toEqual([]);
    expect(records()).not.toContain('"/full');
    await ok('audit', cage, '--verify');

    disk.makeRoom();
    expect(await ask('/after')).toBe('here 200');
    expect(arrived).toEqual(['/after']);
    expect(records()).toContain('"path":"/after"');
    expect(egressOf(sandbox.dataRoot, cage)).toEqual(egress);
    await ok('audit', cage, '--verify');
  } finally {
    await sandbox.run(['stop', cage]);
    disk.takeAway();
  }
});

const NOTHING = { allow: [], routes: [], secrets: [], env: [], envFiles: [], mounts: [] };

test('a full disk below a snapshot or a fork leaves what was there', async () => {
  const project = sandbox.project('kept');
  const home = join(sandbox.directory, 'small');
  mkdirSync(home);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'tmpfs', home]).status !== 0) return;
  try {
    const small = library.openContext({ environment: sandbox.env, home, cwd: project });
    await library.createCage(small, project, { ...NOTHING, name: 'full' });
    writeFileSync(join(home, 'cages/full/home/large'), Buffer.alloc(2 * 2 ** 20));
    const before = readdirSync(join(home, 'cages/full'));
    await expect(library.takeSnapshot(small, 'full')).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    await expect(library.forkCage(small, 'full', 'other')).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect(readdirSync(join(home, 'cages/full')).filter((name) => name !== 'snapshots')).toEqual(before);
    expect((await library.listCages(small)).map(({ name }) => name)).toEqual(['full']);
    expect(await library.listSnapshots(small, 'full')).toEqual([]);
  } finally {
    // What reads there may end a moment later.
    await until('the file system to be let go', () => spawnSync('umount', [home]).status === 0);
  }
});

test('a data root on a file system that no program may be run from', async () => {
  const project = sandbox.project('kept-apart');
  const home = join(sandbox.directory, 'noexec');
  mkdirSync(home);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'noexec,mode=0700', 'tmpfs', home]).status !== 0) return;
  const ironcage = (...args: string[]): ReturnType<Sandbox['run']> =>
    sandbox.run([args[0] ?? '', '--home', home, ...args.slice(1)], { cwd: project });
  try {
    const ran = await ironcage(
      'run',
      'shell',
      '--',
      'curl',
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      'https://a.example/',
    );
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: '403' });
  } finally {
    await ironcage('rm', '--discard');
    await until('the file system to be let go', () => spawnSync('umount', [home]).status === 0);
  }
});
