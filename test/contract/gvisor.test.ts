// Cages of rootful Podman with gVisor's kernel: the same contract, less what Podman alone has a part in, and the whole of
// `verify --attack`, which says besides that the kernel inside is another than this machine's.
import { describe, expect, test } from 'vitest';
import { findRun, followRun, launchRun, stopRun, verifyCage } from '../../src/index.ts';
import { startTestCage, type CageRequest, type TestCage } from '../support/cage.ts';
import { gvisorReason, RUNSC } from '../support/gvisor.ts';
import { giveAway } from '../support/mounted.ts';
import { describeBackend } from './backend-contract.ts';

const reason = gvisorReason();

function makeCage(name: string, request: CageRequest = {}): Promise<TestCage> {
  return startTestCage(name, { ...request, backend: 'podman', options: { ...request.options, runtime: RUNSC } });
}

describe.skipIf(reason !== undefined)(reason ?? 'gVisor is here', () => {
  describeBackend('gvisor', makeCage, ['paths', 'worktrees', 'written mounts']);

  test('a project is not mounted to be written, and that is said', async () => {
    const mounted = makeCage('mounted', { prepare: giveAway, options: { workspace: 'mount' } });
    await expect(mounted).rejects.toMatchObject({
      code: 'E_PROTECTION',
      message: expect.stringContaining('cage of gVisor’s'),
    });
  });

  test('a run is told, ends as its agent does, and can be stopped', async () => {
    const cage = await makeCage('launched');
    try {
      const launch = (prompt: string): ReturnType<typeof launchRun> =>
        launchRun(cage.context, { cage: cage.name, agent: 'shell', prompt });
      const one = await launch('echo told; exit 3');
      const said: string[] = [];
      for await (const each of followRun(cage.context, one.id)) {
        if (each.kind === 'event' && each.event.type === 'text') said.push(each.event.text);
      }
      expect(said).toEqual(['told']);
      expect(await findRun(cage.context, one.id)).toMatchObject({ status: 'failed', exitCode: 3, reason: null });
      const two = await launch('sleep 985 & exec sleep 985');
      expect(await stopRun(cage.context, two.id)).toMatchObject({ status: 'stopped', exitCode: 143 });
      expect((await cage.sh('pgrep -cxf "sleep 985"')).stdout).toBe('0');
    } finally {
      await cage.remove();
    }
  });

  test('every attack of `verify` fails, and the kernel is not this machine’s', async () => {
    const cage = await makeCage('attacked');
    try {
      const { probes } = await verifyCage(cage.context, cage.name, { attack: true });
      expect(probes.filter(({ ok }) => !ok)).toEqual([]);
      expect(probes.map(({ id }) => id)).toContain('sandbox.own-kernel');
      expect(probes.length).toBeGreaterThan(300);
    } finally {
      await cage.remove();
    }
  });
});
