import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { identifyProcess, type ProcessIdentity } from '../platform/processes.ts';
import { isBusy } from './occupancy.ts';
import type { RunningState } from './state.ts';

const self = identifyProcess(process.pid) ?? { pid: 0, startTicks: '' };
const gone: ProcessIdentity = { pid: self.pid, startTicks: '1' };
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-busy-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A cage of gVisor's whose runsc says this of what runs in it. */
function sandboxed(init: ProcessIdentity, said: string, exitCode = 0): RunningState {
  const program = join(directory, 'runsc');
  writeFileSync(program, `#!/bin/sh\necho '${said}'\nexit ${exitCode}\n`);
  chmodSync(program, 0o755);
  return {
    ...{ phase: 'running', egress: self, holder: init, init, generation: 1, hash: '', stopWhenIdle: true, cgroups: [] },
    limits: { memory: 'none', pids: 'none', cpu: 'none' },
    sandbox: { program, root: '/run', id: 'x' },
  };
}

test.each([
  ['nothing besides its first program', self, '[1]', 0, false],
  ['a program', self, '[1,7]', 0, true],
  ['no answer', self, '', 1, true],
  ['half an answer', self, '[1,', 0, true],
  ['no answer, and is gone', gone, '', 1, false],
] as const)('a sandbox that has %s', async (_what, init, said, exitCode, busy) => {
  expect(await isBusy(sandboxed(init, said, exitCode))).toBe(busy);
});
