import { expect, test } from 'vitest';
import { kindOf, requireRuntime, runtimeSelectors } from './runtime.ts';

const HERE = { rootless: false, gated: false, limits: { memory: true, pids: true, cpu: true } };
const ENGINE = { ...HERE, kind: 'podman' as const, program: '/nowhere/podman', selectors: [], env: {} };

test.each([
  ['runc', 'runc version 1.1.5\nspec: 1.0.2', 'namespaces'],
  ['strong', 'crun version 1.21\n+SYSTEMD +SELINUX', 'namespaces'],
  ['plain', 'runsc version release-20240729.0\nspec: 1.1.0', 'gvisor'],
  ['mine', '', 'namespaces'],
])('what %s is, its program says and not its name', (name, version, kind) => {
  expect(kindOf(name, version, HERE)).toBe(kind);
});

test.each(['kata', 'kata-runtime', 'krun', '/usr/bin/krun', 'io.containerd.kata.v2'])(
  'no engine is asked for %s, whose containers have a network of their own',
  async (name) => {
    await expect(requireRuntime(ENGINE, name)).rejects.toMatchObject({ code: 'E_PROTECTION' });
  },
);

test('a program that says it is one of these is refused under any name', () => {
  expect(() => kindOf('runc', 'kata-runtime  : 3.2.0', HERE)).toThrow('--runtime runc');
});

test.each([
  ['a rootless engine', { ...HERE, rootless: true }],
  ['an engine that cannot limit processes', { ...HERE, gated: false, limits: { ...HERE.limits, pids: false } }],
])('gVisor under %s is refused with the reason', (_what, engine) => {
  expect(() => kindOf('runsc', 'runsc version 1', engine)).toThrow('gVisor');
});

test('Podman is told its runtime with every command, and gVisor whose sockets it has', () => {
  expect(runtimeSelectors(ENGINE, { name: 'crun', kind: 'namespaces' })).toEqual(['--runtime', 'crun']);
  expect(runtimeSelectors(ENGINE, { name: '/r', kind: 'gvisor' })).toContain('network=host');
  expect(runtimeSelectors({ kind: 'docker' }, { name: 'crun', kind: 'namespaces' })).toEqual([]);
});
