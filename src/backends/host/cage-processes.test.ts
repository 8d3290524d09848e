import { spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { identifyProcess, type ProcessIdentity } from '../../platform/processes.ts';
import { cageProcesses, firstChild } from './cage-processes.ts';

// Never through stopNativeCage: where these fail, it would end the processes of the whole machine.
const groups: number[] = [];
afterEach(() => {
  for (const group of groups.splice(0)) process.kill(-group, 'SIGKILL');
});

async function startParent(): Promise<ProcessIdentity> {
  const child = spawn('/bin/sh', ['-c', 'sleep 60 & echo; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((spoken) => child.stdout.once('data', spoken));
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error('the shell did not start');
  groups.push(identity.pid);
  return identity;
}

test('a process has children only as long as it is the one that was noted', async () => {
  const parent = await startParent();
  expect(firstChild(parent)).toBeDefined();
  expect(firstChild({ ...parent, startTicks: '1' })).toBeUndefined();
});

test('a process of the host’s own namespace stands for no cage', async () => {
  expect(cageProcesses(await startParent())).toEqual([]);
});
