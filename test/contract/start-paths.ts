// Every way into a cage sees to its network first: suites for all backends, and for those whose cages an engine can start behind
// our back.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cagePaths, readCageState } from '../../src/cage/store.ts';
import { execInCage, restartCage, startCage, verifyCage } from '../../src/index.ts';
import type { RunningState } from '../../src/cage/state.ts';
import { identifyProcess, run, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import { engineEnvironment } from '../support/backends.ts';
import type { TestCage } from '../support/cage.ts';
import { pathOfTests, TEST_IMAGE, type TestEngine } from '../support/engines.ts';
import type { MakeCage } from './backend-contract.ts';

const BEGUN = 'echo begun >>"$HOME/begun"';
const DEVICE = 'stranger0';

/** `engine`: whose containers its cages are. */
export function describeStartPaths(backend: string, makeCage: MakeCage, engine?: TestEngine): void {
  describe(`every way into a cage of ${backend}`, () => {
    let cage: TestCage;
    beforeAll(async () => {
      cage = await makeCage('paths');
    });
    afterAll(() => cage.remove());
    const enter = (script: string): Promise<{ exitCode: number }> =>
      execInCage(cage.context, cage.name, { argv: ['/bin/sh', '-c', script] }, 'inherit');
    const begun = async (): Promise<string> => (await cage.sh('cat "$HOME/begun"; rm "$HOME/begun"')).stdout;
    const mustWork = async (): Promise<void> => {
      expect((await enter(BEGUN)).exitCode).toBe(0);
      expect(await begun()).toBe('begun');
      expect((await cage.sh('curl -sS https://refused.example/')).stdout).toContain('"rule":"<default-deny>"');
      expect((await cage.sh('cut -d: -f1 -s /proc/net/dev | xargs')).stdout).toBe('lo');
    };

    test('is open when nothing was done to it', mustWork);

    test('a device that came into its network meanwhile keeps every program out, until a restart', async () => {
      await inNetworkOf(running(cage), 'ip', 'link', 'add', DEVICE, 'type', 'veth', 'peer', 'name', 'stranger1');
      const refusal = { code: 'E_PROTECTION', message: expect.stringContaining('network of paths') };
      const because = expect.stringContaining('stranger');
      await expect(enter(BEGUN)).rejects.toMatchObject({ ...refusal, because });
      await expect(startCage(cage.context, cage.name)).rejects.toMatchObject(refusal);
      await expect(verifyCage(cage.context, cage.name, { attack: false })).rejects.toMatchObject(refusal);
      expect((await cage.sh('ls "$HOME"')).stdout).not.toContain('begun');
      await restartCage(cage.context, cage.name);
      await mustWork();
    });

    test('after the machine was started anew the next command starts it, whoever has its numbers now', async () => {
      const { init, egress } = running(cage);
      for (const identity of [init, egress]) {
        signalProcess(identity, 'SIGKILL');
        expect(await waitForExit(identity, 10_000)).toBe(true);
      }
      // Numbers of a process that lives and is none of the cage's.
      const self = identifyProcess(process.pid);
      const { state } = cagePaths(cage.context, cage.name);
      const text: unknown = JSON.parse(readFileSync(state, 'utf8'));
      writeFileSync(
        state,
        JSON.stringify(Object.assign({}, text, { init: self, holder: self, egress: self, boot: 'another' })),
      );
      await mustWork();
    });

    if (engine === undefined) return;
    test('a container that was restarted by hand has no way out, and the next command gives it its own', async () => {
      const { init, container } = running(cage);
      await cage.sh('sleep 300 >/dev/null 2>&1 &');
      const name = container?.name ?? '';
      await ask(engine, 'restart', '--time', '0', name);
      expect(await waitForExit(init, 10_000)).toBe(true);
      const seen = await ask(
        engine,
        'exec',
        name,
        'sh',
        '-c',
        'cut -d: -f1 -s /proc/net/dev | xargs; curl -sS https://refused.example/ 2>&1',
      );
      expect(seen).toMatch(/^lo\n.*Could not resolve host/);
      await mustWork();
      expect((await cage.sh('pgrep -cxf "sleep 300"')).stdout).toBe('0');
    });

    if (engine !== 'docker') return;
    test('a network that its container was given by hand keeps every program out, and a restart takes it away', async () => {
      const name = running(cage).container?.name ?? '';
      await ask(engine, 'network', 'disconnect', 'none', name);
      await ask(engine, 'network', 'connect', 'bridge', name);
      const because = expect.stringContaining('eth0');
      await expect(enter(BEGUN)).rejects.toMatchObject({ code: 'E_PROTECTION', because });
      await restartCage(cage.context, cage.name);
      await mustWork();
    });
  });
}

function running(cage: TestCage): RunningState {
  const state = readCageState(cage.context, cage.name);
  if (state.phase !== 'running') throw new Error(`the cage is ${state.phase}`);
  return state;
}

/** Runs a program in the network of a cage, as who owns it. */
async function inNetworkOf({ init, container }: RunningState, ...argv: readonly string[]): Promise<void> {
  if (container?.gated === true) {
    const network = ['--network', `container:${container.name}`, '--cap-add', 'NET_ADMIN', '--user', '0:0'];
    await ask('docker', 'run', '--rm', ...network, TEST_IMAGE, ...argv);
    return;
  }
  const monitor = identifyProcess(init.pid)?.parentPid;
  const user = container?.rootless === true ? ['--target', String(monitor), '--user', '--preserve-credentials'] : [];
  const args = [...user, `--net=/proc/${init.pid}/ns/net`, '--', ...argv];
  const { exitCode, stderr } = await run('nsenter', args, { env: { PATH: pathOfTests() }, timeoutMs: 20_000 });
  expect(exitCode, stderr).toBe(0);
}

async function ask(engine: TestEngine, ...args: readonly string[]): Promise<string> {
  const env = { PATH: pathOfTests(), ...engineEnvironment(engine) };
  const { exitCode, stdout, stderr } = await run(engine, args, { env, timeoutMs: 60_000 });
  if (exitCode !== 0 && !args.includes('exec')) throw new Error(`${engine} ${args.join(' ')}: ${stderr}`);
  return stdout.toString('utf8');
}
