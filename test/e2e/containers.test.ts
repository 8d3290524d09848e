// The life of a container cage over the real engines: what it leaves behind, what happens when somebody else takes a hand in its
// container, and that a crash at any step of its start is put right by the next command.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dockerMembers } from '../../src/backends/container/docker-members.ts';
import { run } from '../../src/platform/processes.ts';
import { engineReason, pathOfTests, TEST_IMAGE, type TestEngine } from '../support/engines.ts';
import { openSandbox, PROGRAM, until, type Sandbox } from '../support/sandbox.ts';
import { engineEnvironment } from '../support/backends.ts';
import { runOnPty } from '../support/pty.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));
const CAGE = 'boxed';
const REMOVE = [
  'stop: begin',
  'stop: announced',
  'stop: ended',
  'stop: written',
  'remove: stopped',
  'remove: announced',
];
const START = ['begin', 'announced', 'egress known', 'holder known', 'cage exists', 'written'];

for (const kind of ['docker', 'podman'] as const) {
  const reason = engineReason(kind);
  describe.skipIf(reason !== undefined)(`a cage of ${kind}${reason === undefined ? '' : ` (skipped: ${reason})`}`, () =>
    lifeOver(kind),
  );
}

function lifeOver(kind: TestEngine): void {
  const environment = engineEnvironment(kind);
  let sandbox: Sandbox;
  let project: string;
  beforeAll(async () => {
    sandbox = openSandbox();
    project = sandbox.project('p');
    await ok('create', project, '--name', CAGE, '--backend', kind, '--image', TEST_IMAGE);
    await ok('exec', CAGE, '--', 'sh', '-c', 'echo only here >work.txt; echo kept >~/note');
  });
  afterAll(() => sandbox.close());

  const ironcage = (args: readonly string[], input?: string) => sandbox.run(args, { env: environment, input });
  async function ok(...args: string[]): Promise<string> {
    const result = await ironcage(args);
    expect(result.stderr, args.join(' ')).not.toContain('error[');
    expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
    return result.stdout;
  }
  async function engine(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(kind, args, {
      env: { PATH: pathOfTests(), HOME: sandbox.env['HOME'], ...environment },
      timeoutMs: 60_000,
    });
    expect(exitCode, `${kind} ${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout.toString('utf8').trim();
  }
  const containers = async (...more: string[]): Promise<string[]> => {
    const mine = ['--filter', `label=ironcage.data-root=${sandbox.dataRoot}`, '--format', '{{.Names}}'];
    return (await engine('ps', ...mine, ...more)).split('\n').filter(Boolean);
  };
  const holdings = async (): Promise<unknown> => ({
    containers: await containers('--all'),
    volumes: await engine('volume', 'ls', '--quiet'),
    networks: await engine('network', 'ls', '--quiet'),
    processes: sandbox.processes(),
  });
  const only = async (): Promise<string> => {
    const [name, ...others] = await containers('--all');
    if (name === undefined || others.length > 0) throw new Error(`containers: ${[name, ...others].join(', ')}`);
    return name;
  };
  const work = (): Promise<string> => ok('exec', CAGE, '--', 'sh', '-c', 'cat work.txt ~/note');
  const killedAt = (operation: string, cage: string, step: number): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [CHILD, operation, cage, project, String(step)], {
      env: { ...sandbox.env, ...environment },
      encoding: 'utf8',
      timeout: 60_000,
    });
  const WORK = 'only here\nkept\n';

  test('a further directory comes and goes with a new container, and nothing else of the cage goes with it', async () => {
    const lib = sandbox.project('lib', { 'lib.txt': 'lib\n' });
    await ok('add-dir', CAGE, lib);
    const inside = `cat work.txt ~/note ${lib}/lib.txt; echo new >${lib}/new.txt`;
    expect(await ok('exec', CAGE, '--', 'sh', '-c', inside)).toBe('only here\nkept\nlib\n');
    expect((await ironcage(['diff', CAGE, '--dir', 'lib', '--json'])).json()).toMatchObject({
      files: [{ path: 'new.txt' }],
    });
    expect((await ironcage(['remove-dir', CAGE, 'lib'])).exitCode).toBe(126);
    await ok('remove-dir', CAGE, 'lib', '--discard');
    expect(await ok('exec', CAGE, '--', 'sh', '-c', `cat work.txt ~/note; ls ${lib} 2>/dev/null || :`)).toBe(
      'only here\nkept\n',
    );
  });

  test('create, start, exec, restart, stop and rm leave no container, volume, network, file or process', async () => {
    await ok('stop', CAGE);
    const image = `ironcage-test-volume:${process.pid}`;
    const parent = await engine('create', TEST_IMAGE, '/bin/true');
    await engine('commit', '--change', 'VOLUME /data', parent, image);
    await engine('rm', parent);
    try {
      const before = await holdings();
      await ok('create', project, '--name', 'short', '--backend', kind, '--image', image);
      await ok('start', 'short');
      // The control: each of these is seen while it is there.
      expect(await containers()).toHaveLength(1);
      expect(await holdings()).not.toEqual(before);
      await ok('exec', 'short', '--', 'sh', '-c', 'sleep 300 >/dev/null 2>&1 & ls -d /data');
      await ok('restart', 'short');
      await ok('stop', 'short');
      await ok('rm', '-y', '--discard', 'short');
      await until('all processes to be gone', () => sandbox.processes().length === 0);
      expect(await holdings()).toEqual(before);
    } finally {
      await engine('rmi', '--force', image);
    }
  });

  test('it is paused while it is copied, goes on after a kill in the middle, and a fork has its work', async () => {
    const counting = 'i=0; while :; do i=$((i+1)); echo $i 1<>counter; done';
    await ok('exec', CAGE, '--', 'sh', '-c', `setsid sh -c '${counting}' </dev/null >/dev/null 2>&1 &`);
    const counter = join(sandbox.dataRoot, 'cages', CAGE, 'workspace/tree/counter');
    const count = (): number => Number(existsSync(counter) ? readFileSync(counter, 'utf8') : '');
    const goesOn = async (): Promise<void> => {
      const before = count();
      await until('the cage to count on', () => count() > before + 5);
    };
    await goesOn();
    const steps = ['snapshot: begun', 'hold: announced', 'hold: still'];
    const child = killedAt('snapshot', CAGE, steps.length - 1);
    expect([child.signal, child.stdout.trim().split('\n')], child.stderr).toEqual(['SIGKILL', steps]);
    expect(await engine('inspect', '--format', '{{.State.Paused}}', await only())).toBe('true');
    await ok('start', CAGE);
    await goesOn();
    await ok('fork', CAGE, 'forked');
    await goesOn();
    expect(await ok('exec', 'forked', '--', 'sh', '-c', 'cat work.txt ~/note')).toBe('only here\nkept\n');
    await ok('rm', '-y', '--discard', 'forked');
    await ok('stop', CAGE);
    rmSync(counter);
  });

  test('a command’s input, output, error output and exit code are its own', async () => {
    const script = 'cat; echo err >&2; exit 7';
    const result = await ironcage(['exec', CAGE, '--', 'sh', '-c', script], 'through the pipe\n');
    expect(result).toMatchObject({ exitCode: 7, stdout: 'through the pipe\n' });
    expect(result.stderr).toContain('err');
    expect(await ironcage(['run', 'shell', project, '--name', CAGE, '--', 'sh', '-c', 'exit 4'])).toMatchObject({
      exitCode: 4,
    });
  });

  test('a shell at a terminal has a terminal of its own and the size of the user’s', async () => {
    const env = Object.fromEntries(
      Object.entries({ ...sandbox.env, ...environment }).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value]],
      ),
    );
    const shell = runOnPty([process.execPath, PROGRAM, 'shell', CAGE], env, project);
    await shell.until(/\$ *$/);
    shell.type('echo "on $(tty) $(stty size) $((6 * 7))"; exit 9\r');
    const { exitCode, output } = await shell.ended;
    expect(output).toMatch(/on \/dev\/\S+ 24 80 42/);
    expect(exitCode).toBe(9);
  });

  test('a container that was removed by hand is made again, and home and project are as they were', async () => {
    await ok('start', CAGE);
    const name = await only();
    await engine('kill', name);
    await engine('rm', '--force', name);
    expect(await containers('--all')).toEqual([]);
    expect(await work()).toBe(WORK);
    expect(await containers()).toHaveLength(1);
  });

  test('a container that was restarted by hand reaches nothing, until the next command gives it an egress', async () => {
    await ok('start', CAGE);
    const name = await only();
    const ask =
      'curl -sS -m 5 http://127.0.0.1:3128/ 2>&1; curl -sS -m 5 https://refused.example/ 2>&1; ip -o link | cut -d: -f2';
    const confined = await ok('exec', CAGE, '--', 'sh', '-c', ask);
    expect(confined).toContain('"blockedBy":"ironcage"');
    await engine('restart', '--time', '0', name);
    const alone = (
      await run(kind, ['exec', name, 'sh', '-c', ask], {
        env: { PATH: pathOfTests(), ...environment },
        timeoutMs: 60_000,
      })
    ).stdout.toString();
    expect(alone).not.toContain('blockedBy');
    expect(alone).toMatch(/^(?:curl: .*\n)+ lo\n$/);
    expect(await work()).toBe(WORK);
    expect(await ok('exec', CAGE, '--', 'sh', '-c', ask)).toContain('"blockedBy":"ironcage"');
  });

  test('an image that is nowhere is named in the error, and nothing is left of the attempt', async () => {
    const image = 'localhost:1/ironcage-absent:none';
    const { exitCode, stderr } = await ironcage([
      'create',
      project,
      '--name',
      'absent',
      '--backend',
      kind,
      '--image',
      image,
    ]);
    expect([exitCode, stderr]).toEqual([125, expect.stringContaining(`the image ${image} cannot be pulled`)]);
    expect(await ok('list', '--json')).not.toContain('absent');
  });

  test('a cage starts again without its image’s name and without a registry', async () => {
    const image = `ironcage-test-own:${process.pid}`;
    await engine('tag', TEST_IMAGE, image);
    try {
      await ok('create', project, '--name', 'offline', '--backend', kind, '--image', image);
      await ok('start', 'offline');
      await ok('stop', 'offline');
    } finally {
      await engine('rmi', image);
    }
    expect(await ok('exec', 'offline', '--', 'echo', 'here')).toBe('here\n');
    await ok('rm', '-y', '--discard', 'offline');
  });

  test('memory, processes and processor time are limited', async () => {
    const limits = ['--memory', '128m', '--pids', '30', '--cpus', '0.5'];
    await ok('create', project, '--name', 'limited', '--backend', kind, '--image', TEST_IMAGE, ...limits);
    try {
      const python = (program: string) => ironcage(['exec', 'limited', '--', 'python3', '-c', program]);
      expect((await python('b = bytearray(b"x") * (32 << 20); print(len(b))')).stdout).toBe('33554432\n');
      expect((await python('b = bytearray(b"x") * (512 << 20); print(len(b))')).stdout).toBe('');
      const fork =
        'import os, signal\nmade = []\ntry:\n  while len(made) < 100:\n    child = os.fork()\n    if child == 0: signal.pause()\n    made.append(child)\nexcept OSError: pass\nfor child in made: os.kill(child, 9)\nfor child in made: os.waitpid(child, 0)\nprint(len(made))';
      const made = Number((await python(fork)).stdout);
      expect(made).toBeGreaterThan(3);
      expect(made).toBeLessThan(30);
      const burn =
        'import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nprint(time.process_time())';
      const burnt = await python(burn);
      expect(burnt.stderr).toBe('');
      const used = Number(burnt.stdout);
      // How much is left for it depends on the machine; what it may take at most does not.
      expect(used).toBeGreaterThan(0.1);
      expect(used).toBeLessThan(1.4);
    } finally {
      await ok('rm', '-y', '--discard', 'limited');
    }
  });

  test.runIf(kind === 'docker')('its first process is found by its control group', async () => {
    await ok('start', CAGE);
    const read = (file: string): string => readFileSync(join(sandbox.dataRoot, 'cages', CAGE, file), 'utf8');
    const { init } = JSON.parse(read('state.json'));
    const [, id = ''] = read('container.digest').split(' ');
    expect(dockerMembers(id)).toContain(init.pid);
    expect(dockerMembers('0'.repeat(64))).toEqual([]);
  });

  test.each(START.map((step, number) => ({ step, number })))(
    'a start killed at $step is put right by the next command',
    async ({ step, number }) => {
      await ok('stop', CAGE);
      const child = killedAt('start', CAGE, number);
      expect([child.signal, child.stdout.split('\n').filter(Boolean)], child.stderr).toEqual([
        'SIGKILL',
        START.slice(0, number + 1).map((name) => `start: ${name}`),
      ]);
      if (step === 'holder known') {
        expect((await ironcage(['doctor'])).stdout).toContain(`${CAGE}: an interrupted command left it broken`);
        expect(await ok('doctor', '--fix')).toContain(`ended what was left running of ${CAGE}`);
        expect(await containers()).toEqual([]);
      }
      expect(await work()).toBe(WORK);
      expect(await containers()).toHaveLength(1);
      await ok('stop', CAGE);
      expect(await containers()).toEqual([]);
      await until('every process of the cage to be gone', () => sandbox.processes().length === 0);
    },
  );

  test('a removal killed before its container is gone is finished by the next command', async () => {
    await ok('create', project, '--name', 'going', '--backend', kind, '--image', TEST_IMAGE);
    await ok('start', 'going');
    const child = killedAt('remove', 'going', REMOVE.indexOf('remove: announced'));
    expect([child.signal, child.stdout.trim().split('\n').at(-1)], child.stderr).toEqual([
      'SIGKILL',
      'remove: announced',
    ]);
    expect((await containers('--all')).filter((name) => name.includes('going'))).toHaveLength(1);
    expect(await ok('doctor', '--fix')).toContain('moved what was left of going to the trash');
    expect((await containers('--all')).filter((name) => name.includes('going'))).toEqual([]);
  });

  test('a container whose cage is no more is told of by doctor, and taken away with --fix', async () => {
    await ok('create', project, '--name', 'lost', '--backend', kind, '--image', TEST_IMAGE);
    await ok('start', 'lost');
    await ok('stop', 'lost');
    rmSync(join(sandbox.dataRoot, 'cages/lost'), { recursive: true });
    const lost = async (): Promise<string[]> => (await containers('--all')).filter((name) => name.includes('lost'));
    const [name] = await lost();
    expect((await ironcage(['doctor'])).stdout).toContain(`the container ${name} is of a cage lost that is no more`);
    expect(await lost()).toEqual([name]);
    expect(await ok('doctor', '--fix')).toContain(`took away the container ${name} of lost`);
    expect(await lost()).toEqual([]);
    // That of the cage that is there is not touched.
    expect(await work()).toBe(WORK);
  });
}
