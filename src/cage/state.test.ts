import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readState, writeState, type CageState } from './state.ts';

const directory = mkdtempSync(join(tmpdir(), 'ironcage-state-'));
afterAll(() => rmSync(directory, { recursive: true }));

const identity = { pid: 12, startTicks: '345' };
const limits = { memory: 'none', pids: 'cgroup', cpu: 'none' } as const;
const STATES: CageState[] = [
  { phase: 'creating' },
  { phase: 'stopped' },
  { phase: 'removing' },
  { phase: 'starting', cgroups: [] },
  { phase: 'stopping', egress: identity, holder: identity, init: identity, cgroups: ['/sys/fs/cgroup/x'] },
  {
    phase: 'running',
    egress: identity,
    holder: identity,
    init: identity,
    generation: 3,
    hash: 'ab',
    stopWhenIdle: true,
    cgroups: [],
    limits,
    forwarders: [{ address: '::1', port: 8080, cagePort: 3000, process: identity }],
  },
];

test.each(STATES)('the state $phase is read as it was written', (state) => {
  const path = join(directory, state.phase);
  writeState(path, state);
  expect(readState(path)).toEqual(state);
});

test('a directory without a state had just begun to be made', () => {
  expect(readState(join(directory, 'missing'))).toEqual({ phase: 'creating' });
  expect(() => readState(join(directory, 'missing'), true)).toThrow(
    expect.objectContaining({ code: 'E_STATE_BROKEN' }),
  );
});

test.each([
  '',
  '{',
  '[]',
  'null',
  '{"phase":"flying"}',
  '{"phase":"running"}',
  '{"phase":"starting"}',
  '{"phase":"stopping","cgroups":[],"forwarders":[{"address":"::1","port":1,"cagePort":2}]}',
])('%j is an error that says how to repair it', (text) => {
  const path = join(directory, 'broken');
  writeFileSync(path, text);
  expect(() => readState(path)).toThrow(expect.objectContaining({ code: 'E_STATE_BROKEN' }));
});

test.each(STATES)('after another start of the machine nobody has the numbers of the state $phase', (state) => {
  const path = join(directory, `boot-${state.phase}`);
  writeState(path, state);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/"boot":"[^"]+"/, '"boot":"another"'));
  const expected = 'cgroups' in state ? { phase: 'stopping', cgroups: state.cgroups } : state;
  expect(readState(path)).toEqual(expected);
});
