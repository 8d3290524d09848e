// A newer agent or image for a cage: what changes, what stays, that it is taken back when it does not work or when the machine dies
// in the middle, and that nothing but `upgrade` ever asks for something newer.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/platform/processes.ts';
import { engineEnvironment } from '../support/backends.ts';
import { engineReason, pathOfTests, TEST_IMAGE } from '../support/engines.ts';
import { openNpmRegistry, type NpmRegistry } from '../support/npm-registry.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const CHILD = fileURLToPath(new URL('step-child.mjs', import.meta.url));
const PLATFORMS = ['linux-x64', 'linux-arm64'];
const TARGETS = ['x86_64-unknown-linux-musl', 'aarch64-unknown-linux-musl'];
const CAGE = 'raised';

let sandbox: Sandbox;
let registry: NpmRegistry;
let env: Record<string, string>;
let project: string;
const locked: Record<string, object> = {};

beforeAll(async () => {
  sandbox = openSandbox();
  registry = await openNpmRegistry();
  env = { npm_config_registry: registry.url, npm_config_cache: join(sandbox.directory, 'npm') };
  project = sandbox.project('p');
  for (const version of ['1.0.0', '1.1.0']) locked[version] = await publish(version, 'exit 0');
  writeLock('1.0.0');
});
afterAll(async () => {
  await sandbox.close();
  await registry.close();
});

/** Resolves with the lock of it. */
async function publish(version: string, script: string): Promise<object> {
  const name = '@openai/codex';
  const packages = PLATFORMS.map((platform, index) => {
    const program = `vendor/${TARGETS[index] ?? ''}/bin/codex`;
    return {
      platform,
      version: `${version}-${platform}`,
      files: { [program]: `#!/bin/sh\necho ${version}\n${script}\n` },
    };
  });
  const entries = packages.map(({ platform, version: alias }) => [`${name}-${platform}`, `npm:${name}@${alias}`]);
  await registry.publish({ name, version, optionalDependencies: Object.fromEntries(entries) });
  const platforms: Record<string, object> = {};
  for (const { platform, ...entry } of packages) {
    const integrity = await registry.publish({ name, ...entry });
    for (const key of [platform, `${platform}-musl`]) platforms[key] = { name, version: entry.version, integrity };
  }
  return { version, platforms };
}

const lockFile = (): string => join(sandbox.dataRoot, 'agents.lock.json');
function writeLock(version: string): void {
  mkdirSync(sandbox.dataRoot, { recursive: true, mode: 0o700 });
  writeFileSync(lockFile(), JSON.stringify({ version: 1, agents: { codex: locked[version] } }));
}
const lockedVersion = (): unknown => JSON.parse(readFileSync(lockFile(), 'utf8')).agents.codex.version;

const ironcage = (...args: string[]): Promise<CliResult> =>
  sandbox.run(args, { env: { ...env, ...engineEnvironment('docker') } });
async function ok(...args: string[]): Promise<CliResult> {
  const result = await ironcage(...args);
  expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result;
}
const version = async (name: string): Promise<string> =>
  (await ok('exec', name, '--', 'sh', '-c', 'codex; cat ~/note')).stdout;

describe('a cage of this machine', () => {
  beforeAll(async () => {
    await ok('create', project, '--name', CAGE, '--agent', 'codex', '--allow', 'a.example', '--env', 'A=b');
    await ok('exec', CAGE, '--', 'sh', '-c', 'echo kept >~/note; echo work >work.txt');
    expect(await version(CAGE)).toBe('1.0.0\nkept\n');
  });

  test('is told what it would get, and gets it on purpose, with everything that it had', async () => {
    const before = (await ok('show', CAGE, '--json')).json();
    const step = { name: 'codex', where: 'installed', before: '1.0.0', after: '1.1.0' };
    const told = (await ok('upgrade', CAGE, '--dry-run', '--json')).json();
    expect(told).toEqual({ cage: CAGE, dryRun: true, changed: true, agent: step });
    expect([await version(CAGE), lockedVersion()]).toEqual(['1.0.0\nkept\n', '1.0.0']);
    expect((await ok('upgrade', CAGE, '--json')).json()).toEqual({
      cage: CAGE,
      dryRun: false,
      changed: true,
      agent: step,
    });
    expect([await version(CAGE), lockedVersion()]).toEqual(['1.1.0\nkept\n', '1.1.0']);
    expect((await ok('show', CAGE, '--json')).json()).toEqual(before);
    expect((await ok('diff', CAGE, '--json')).json()).toMatchObject({ files: [{ path: 'work.txt' }] });
    expect((await ok('upgrade', CAGE)).stdout).toContain('has the newest already');
  });

  test('is taken back when the newer agent does not start, and both are named', async () => {
    await publish('1.2.0', 'echo torn >&2; exit 3');
    const { exitCode, stderr } = await ironcage('upgrade', CAGE);
    expect([exitCode, stderr]).toEqual([125, expect.stringContaining('codex 1.2.0; it is back on codex 1.1.0')]);
    expect(stderr).toContain('torn');
    expect([await version(CAGE), lockedVersion()]).toEqual(['1.1.0\nkept\n', '1.1.0']);
  });

  test('gets an older version when that is named, and no version that the registry does not have', async () => {
    expect((await ok('upgrade', CAGE, '--to', '1.0.0')).stdout).toContain('codex 1.1.0 → 1.0.0');
    expect([await version(CAGE), lockedVersion()]).toEqual(['1.0.0\nkept\n', '1.0.0']);
    const { exitCode, stderr } = await ironcage('upgrade', CAGE, '--to', '9.9.9');
    expect([exitCode, stderr]).toEqual([125, expect.stringContaining('does not have it')]);
  });

  test('is left alone while it is in use', async () => {
    const { child, result } = sandbox.start(['exec', CAGE, '--', 'sh', '-c', 'echo in; read x'], {
      env,
      keepInput: true,
    });
    await new Promise<void>((seen) => child.stdout.once('data', () => seen()));
    expect(await ironcage('upgrade', CAGE, '--offline')).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('in use'),
    });
    child.stdin.end('\n');
    expect((await result).exitCode).toBe(0);
  });

  test.each(['upgrade: announced', 'start: cage exists', 'upgrade: verified', 'upgrade: written'])(
    'killed at %s it is what it was or what it was to be, and works',
    async (step) => {
      writeLock('1.0.0');
      await ok('upgrade', CAGE, '--offline');
      await ok('stop', CAGE);
      writeLock('1.1.0');
      const all = upgradeSteps();
      const child = killedAt(all.indexOf(step));
      expect([child.signal, child.stdout.trim().split('\n').at(-1)], child.stderr).toEqual(['SIGKILL', step]);
      const isDone = step === 'upgrade: written';
      expect(await version(CAGE)).toBe(`${isDone ? '1.1.0' : '1.0.0'}\nkept\n`);
      expect(existsSync(join(sandbox.dataRoot, 'cages', CAGE, 'upgrade.json'))).toBe(false);
      expect((await ok('list', '--json')).json()).toMatchObject([{ name: CAGE, status: 'running', unexported: true }]);
    },
  );

  test('asks no registry when it starts, runs or restarts', async () => {
    const before = registry.requests.length;
    await ok('restart', CAGE);
    await ok('run', 'codex', project, '--name', CAGE, '--auth', 'none', '--', '--version');
    expect(registry.requests.length).toBe(before);
  });
});

function upgradeSteps(): string[] {
  return ['planned', 'announced', 'spec written']
    .map((step) => `upgrade: ${step}`)
    .concat(
      ['begin', 'announced', 'egress known', 'holder known', 'cage exists', 'written'].map((step) => `start: ${step}`),
    )
    .concat(['upgrade: verified', 'upgrade: written']);
}

const killedAt = (step: number): SpawnSyncReturns<string> => {
  const options = { env: { ...sandbox.env, ...env }, encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, [CHILD, 'upgrade', CAGE, project, String(step)], options);
};

const reason = engineReason('docker');
describe.skipIf(reason !== undefined)(`a cage of Docker${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const image = `localhost/ironcage-upgrade-test:${process.pid}`;
  const made = new Set([image]);
  const docker = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run('docker', args, { env: { PATH: pathOfTests() }, timeoutMs: 60_000 });
    expect(exitCode, `docker ${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout.toString('utf8').trim();
  };
  /** The name stands for another image then. */
  const change = async (...changes: string[]): Promise<void> => {
    const container = await docker('create', TEST_IMAGE, '/bin/true');
    await docker('commit', ...changes.flatMap((each) => ['--change', each]), container, image);
    await docker('rm', container);
    made.add(await docker('image', 'inspect', '--format', '{{.Id}}', image));
  };
  const shown = async (): Promise<string> =>
    (await ok('exec', 'boxed', '--', 'sh', '-c', 'echo $PATH; cat ~/note')).stdout;

  beforeAll(async () => {
    await docker('tag', TEST_IMAGE, image);
    await ok('create', project, '--name', 'boxed', '--backend', 'docker', '--image', image);
    await ok('exec', 'boxed', '--', 'sh', '-c', 'echo kept >~/note');
  });
  afterAll(async () => {
    await ok('rm', '-y', '--discard', 'boxed');
    await run('docker', ['rmi', '--force', ...made], { env: { PATH: pathOfTests() }, timeoutMs: 60_000 });
  });

  test('keeps its image when the name comes to stand for another, until it is upgraded', async () => {
    const path = '/usr/bin:/bin:/opt/newer';
    await change(`ENV PATH=${path}`);
    await ok('run', 'shell', project, '--name', 'boxed', '--env', 'ANEW=1', '--', 'true');
    expect(await shown()).not.toContain('/opt/newer');
    expect((await ok('upgrade', 'boxed', '--json')).json()).toMatchObject({ changed: true });
    expect(await shown()).toMatch(/\/opt\/newer.*\nkept\n$/);
    expect((await ok('upgrade', 'boxed', '--json')).json()).toMatchObject({ changed: false });
  });

  test('is taken back when the newer image does not work, and both are named', async () => {
    await change('LABEL io.ironcage.tier=agent', 'LABEL io.ironcage.agent=codex');
    const { exitCode, stderr } = await ironcage('upgrade', 'boxed');
    expect([exitCode, stderr]).toEqual([
      125,
      expect.stringMatching(/does not work with .* \(\w{12}\); it is back on .* \(\w{12}\)/),
    ]);
    expect(await shown()).toMatch(/\/opt\/newer.*\nkept\n$/);
  });
});
