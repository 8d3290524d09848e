// Of a container whose network only a gate gets into: the gate has no rights left, is out of the cage's reach, and can be lost.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { EMPTY_LAYER } from '../../src/backends/container/empty-image.ts';
import { cagePaths, readCageState } from '../../src/cage/store.ts';
import { execInCage } from '../../src/index.ts';
import {
  identifyProcess,
  run,
  signalProcess,
  waitForExit,
  type ProcessIdentity,
} from '../../src/platform/processes.ts';
import type { TestCage } from '../support/cage.ts';
import { pathOfTests } from '../support/engines.ts';
import type { MakeCage } from './backend-contract.ts';

export function describeGate(makeCage: MakeCage): void {
  describe('the gate of a cage', () => {
    let cage: TestCage;
    let isRemoved = false;
    beforeAll(async () => {
      cage = await makeCage('gated');
    });
    afterAll(() => (isRemoved ? undefined : cage.remove()));

    function gate(): ProcessIdentity {
      const state = readCageState(cage.context, cage.name);
      if (state.phase !== 'running' || state.gate === undefined) throw new Error(`no gate: the cage is ${state.phase}`);
      return state.gate;
    }
    const refusal = async (): Promise<string> => (await cage.sh('curl -sS https://refused.example/')).stdout;

    test('has no right left, and no way to one', () => {
      const status = readFileSync(`/proc/${gate().pid}/status`, 'utf8');
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toContain(`${set}:\t${'0'.repeat(16)}\n`);
      expect(status).toContain('NoNewPrivs:\t1\n');
      expect(status).toMatch(new RegExp(`^Uid:(\\t${process.getuid?.()}){4}$`, 'm'));
    });

    test('stands on an empty image, so that nothing of the cage’s chose what it ran while it had rights', async () => {
      const state = readCageState(cage.context, cage.name);
      const name = state.phase === 'running' ? (state.container?.name ?? '') : '';
      const { Image: image, Config: config } = await inspected('container', `${name}-gate`);
      expect(config).toMatchObject({ Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'] });
      expect(await inspected('image', String(image))).toMatchObject({ RootFS: { Layers: [EMPTY_LAYER] } });
      // The cage itself has its image.
      const own = await inspected('container', name);
      expect(own['Image']).not.toBe(image);
    });

    test('is not seen from inside, nor are the sockets of its egress', async () => {
      const look = 'ls -d /gate; for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <$f; echo; done';
      const { stdout } = await cage.sh(look);
      expect(stdout).not.toContain('gate');
      // The same look shows what is there.
      expect(stdout).toContain('/ironcage/hold');
      // The kernel names a socket by its path to all of a network; there is no such path inside.
      expect((await cage.sh('curl -sS --unix-socket /gate/sockets/in http://x/')).exitCode).not.toBe(0);
      for (const name of ['tcp', 'in']) {
        expect(statSync(join(cagePaths(cage.context, cage.name).run, 'gate', name)).isSocket()).toBe(true);
      }
    });

    test('is replaced by the next command when it was lost, and what ran in the cage goes on', async () => {
      await cage.sh('sleep 321 >/dev/null 2>&1 &');
      const lost = gate();
      signalProcess(lost, 'SIGKILL');
      expect(await waitForExit(lost, 10_000)).toBe(true);
      expect((await execInCage(cage.context, cage.name, { argv: ['/bin/true'] }, 'inherit')).exitCode).toBe(0);
      expect(gate().pid).not.toBe(lost.pid);
      expect(await refusal()).toContain('"rule":"<default-deny>"');
      expect((await cage.sh('pgrep -cxf "sleep 321"')).stdout).toBe('1');
    });

    test('takes answers of many queries and connections at once, and ends of a connection one by one', async () => {
      const many = 'for i in $(seq 60); do (getent hosts h$i.example; curl -sS https://h$i.example/) & done; wait';
      const { stdout } = await cage.sh(many);
      expect(stdout.match(/"rule":"<default-deny>"/g)).toHaveLength(60);
      expect(stdout.match(/^198\.1[89]\./gm)).toHaveLength(60);
      // A request whose sender has closed its side is answered all the same.
      const half = `printf 'GET / HTTP/1.1\\r\\nHost: h.example\\r\\n\\r\\n' | python3 -c '${HALF_CLOSED}'`;
      expect((await cage.sh(half)).stdout).toContain('403');
    });

    test('goes with its cage', async () => {
      const { pid } = gate();
      expect(await containersOf()).toHaveLength(2);
      await cage.remove();
      isRemoved = true;
      expect(identifyProcess(pid)).toBeUndefined();
      expect(await containersOf()).toEqual([]);
    });

    async function inspected(kind: string, name: string): Promise<Record<string, unknown>> {
      const args = [kind, 'inspect', '--format', '{{json .}}', name];
      const { stdout } = await run('docker', args, { env: { PATH: pathOfTests() }, timeoutMs: 60_000 });
      return z.record(z.string(), z.unknown()).parse(JSON.parse(stdout.toString('utf8')));
    }

    async function containersOf(): Promise<string[]> {
      const ours = [
        '--filter',
        `label=ironcage.data-root=${cage.context.dataRoot}`,
        '--filter',
        `label=ironcage.cage=${cage.name}`,
      ];
      const env = { PATH: pathOfTests() };
      const { stdout } = await run('docker', ['ps', '--all', '--quiet', ...ours], { env, timeoutMs: 60_000 });
      return stdout.toString('utf8').split('\n').filter(Boolean);
    }
  });
}

const HALF_CLOSED =
  'import socket,sys; s=socket.create_connection(("h.example",80)); s.sendall(sys.stdin.buffer.read()); s.shutdown(1); print(s.recv(4096).decode())';
