import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/repositories.ts';
import { openContext } from './context.ts';
import { forkSpec, refuseUnforkable } from './fork-spec.ts';
import { bindAgentSecret } from './secrets.ts';
import { parseSnapshotRecord, specOfSnapshot } from './snapshot-record.ts';
import { specForSnapshot } from './snapshot-store.ts';
import { parseSpec, type CageSpec } from './spec.ts';

const SECRET = {
  name: 'KEY',
  hosts: ['a.example'],
  slots: [{ kind: 'bearer' }],
  placeholderPrefix: 'sk-',
  env: 'KEY',
} as const;
const SPEC: CageSpec = {
  ...{
    version: 1,
    name: 'one',
    project: '/p',
    backend: 'native',
    preset: 'safe',
    workspace: 'copy',
    net: 'filtered',
    auth: 'api-key',
  },
  ...{
    createdAt: '2026-01-01T00:00:00.000Z',
    home: '/home/agent',
    slot: 7,
    generation: 5,
    rules: [],
    inspectors: [],
    routes: [],
  },
  ...{ env: { A: 'b' }, binds: [], ports: [{ address: '127.0.0.1', port: 3000, cagePort: 3000 }], limits: {} },
  secrets: [bindAgentSecret(SECRET)],
};
const context = openContext({ environment: {}, home: temporaryDirectory() });

test('a fork has the spec of the first cage under a name, users and placeholders of its own, and none of its ports', async () => {
  const fork = await forkSpec(context, SPEC, 'two');
  const { slot, secrets, createdAt, ...rest } = fork;
  const { slot: _slot, ports: _ports, secrets: before, createdAt: made, ...same } = SPEC;
  expect(rest).toEqual({ ...same, name: 'two', generation: 1 });
  expect([slot, createdAt]).not.toContain(SPEC.slot);
  expect(createdAt > made).toBe(true);
  expect(secrets).toMatchObject([{ name: 'KEY', hosts: ['a.example'], env: 'KEY' }]);
  expect(secrets[0]?.placeholder).toMatch(/[0-9a-f]{32}$/);
  expect(secrets[0]?.placeholder).not.toBe(before[0]?.placeholder);
  expect(parseSpec(JSON.stringify(fork), 'the fork', 'two')).toEqual(fork);
});

test('what is written down of a spec has no placeholder, and comes back with ones that stand for nothing', () => {
  const stored = {
    version: 1,
    createdAt: 'x',
    automatic: false,
    bytes: 1,
    leftOut: [],
    notPart: [],
    spec: specForSnapshot(SPEC),
  };
  const text = JSON.stringify(stored);
  expect(text).not.toContain(SPEC.secrets[0]?.placeholder);
  const parsed = parseSnapshotRecord(text);
  if (!('record' in parsed)) throw new Error(parsed.because);
  const { secrets, ...rest } = specOfSnapshot(parsed.record, 'one', 's');
  const { secrets: _before, ...same } = SPEC;
  expect(rest).toEqual(same);
  expect(secrets[0]?.placeholder).not.toBe(SPEC.secrets[0]?.placeholder);
  expect(() => specOfSnapshot(parsed.record, 'other', 's')).toThrow(/spec of a cage cannot be read/);
});

test.each(['mount', 'mount-ro'] as const)('a cage over a project by %s cannot be forked', (workspace) => {
  expect(() => refuseUnforkable({ ...SPEC, workspace })).toThrow(/cannot be forked/);
});

test('a cage with a clone of its own cannot be forked, and says what to do', () => {
  const source = { url: 'https://git.example/shop.git' };
  expect(() => refuseUnforkable({ ...SPEC, source })).toThrow(
    expect.objectContaining({ hint: expect.stringContaining(source.url) }),
  );
  expect(() => refuseUnforkable(SPEC)).not.toThrow();
});
