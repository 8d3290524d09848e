// An engine that is killed while a cage of its runs: every command says what is wrong and destroys nothing, and once the engine
// is back the next one puts the cage right.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/platform/processes.ts';
import { engineReason, pathOfTests } from '../support/engines.ts';
import { ownDocker, type OwnDocker } from '../support/own-docker.ts';
import { openSandbox, until, type CliResult, type Sandbox } from '../support/sandbox.ts';
import { importTinyImage } from '../support/tiny-image.ts';

const CAGE = 'orphan';
const IMAGE = 'tiny:one';
const reason = engineReason('docker');

let docker: OwnDocker;
let sandbox: Sandbox;
const ironcage = (...args: string[]): Promise<CliResult> => sandbox.run(args, { env: { DOCKER_HOST: docker.host } });
const work = async (): Promise<string> => {
  const result = await ironcage('exec', CAGE, '--', 'cat', 'work.txt');
  expect(result.exitCode, result.stderr).toBe(0);
  return result.stdout;
};

beforeAll(async () => {
  if (reason !== undefined) return;
  sandbox = openSandbox();
  docker = ownDocker();
  await docker.start();
  await importTinyImage(['docker', '--host', docker.host], IMAGE);
  const made = await ironcage('create', sandbox.project('p'), '--name', CAGE, '--backend', 'docker', '--image', IMAGE);
  expect(made.exitCode, made.stderr).toBe(0);
  const filled = await ironcage('exec', CAGE, '--', 'sh', '-c', 'echo only here >work.txt');
  expect(filled.exitCode, filled.stderr).toBe(0);
});
afterAll(async () => {
  if (reason !== undefined) return;
  await ironcage('rm', '-y', '--discard', CAGE);
  await docker.close();
  await sandbox.close();
});

test.skipIf(reason !== undefined)(
  `without its engine a cage is told of, and kept${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  async () => {
    const entered = ironcage('exec', CAGE, '--', 'sh', '-c', 'echo begun >begun; read line');
    await until('the program inside to run', async () =>
      (await ironcage('exec', CAGE, '--', 'ls')).stdout.includes('begun'),
    );
    await docker.kill();
    // It had nothing to read, or has lost its way out with the engine: both are told by the exit code.
    expect((await entered).exitCode).not.toBe(0);
    expect((await ironcage('list', '--json')).stdout).toContain(CAGE);
    // Root enters without the engine, and the container lives.
    const isEntered = process.getuid?.() === 0;
    if (isEntered) expect(await work()).toBe('only here\n');
    for (const command of [
      ...(isEntered ? [] : [['exec', CAGE, '--', 'cat', 'work.txt']]),
      ['stop', CAGE],
      ['start', CAGE],
      ['rm', '-y', '--discard', CAGE],
    ]) {
      const failed = await ironcage(...command);
      expect(failed.exitCode, command.join(' ')).not.toBe(0);
      expect(failed.stderr, command.join(' ')).toMatch(/does not answer|cannot connect to the docker daemon/i);
    }
    expect((await ironcage('diff', CAGE, '--json')).stdout).toContain('work.txt');
  },
);

test.skipIf(reason !== undefined)('the next command after its engine is back puts it right', async () => {
  await docker.start();
  expect(await work()).toBe('only here\n');
  expect((await ironcage('stop', CAGE)).exitCode).toBe(0);
  const left = ['--host', docker.host, 'ps', '--quiet'];
  expect((await run('docker', left, { env: { PATH: pathOfTests() } })).stdout.toString()).toBe('');
  await until('every process of the cage to be gone', () => sandbox.processes().length === 0);
});
