import { expect, test } from 'vitest';
import type { CagePlan, ContainerPlan, EngineKind } from '../backend.ts';
import { createArguments, enforcementOf, markOf } from './arguments.ts';

const ALL = { memory: true, pids: true, cpu: true };
const HOST = { openFiles: 1024, node: '/usr/bin/node' };
const NO_LIMITS = { memoryBytes: undefined, pids: undefined, cpus: undefined };

function container(engine: EngineKind, rootless = false, limits = ALL): ContainerPlan {
  const identity = { engine, name: 'ironcage-shop-12345678', selectors: [], rootless, gated: false, limits };
  return { identity, image: 'debian:bookworm-slim', labels: { 'ironcage.cage': 'shop' }, note: '/x/note' };
}

function plan(change: Partial<CagePlan> = {}): CagePlan {
  return {
    ...{ name: 'shop', callerIsRoot: false, runDirectory: '/r', tmpDirectory: '/t' },
    ...{ busDirectory: '/b', homeDirectory: '/h' },
    identity: { uid: 7, gid: 8, egressUid: 9, insideUid: 7, insideGid: 8 },
    homeTarget: '/home/agent',
    workspaces: [{ kind: 'directory', source: '/w', target: '/srv/shop', writable: true }],
    ...{ binds: [], masks: [], env: { TOKEN: 'placeholder' }, limits: NO_LIMITS, listeners: [] },
    ...change,
  };
}

test.each(['docker', 'podman'] as const)('a container of %s has no network, no rights and a fixed root', (engine) => {
  const line = createArguments(plan(), container(engine), HOST).join(' ');
  for (const wanted of [
    ...['--network none', '--cap-drop ALL', '--security-opt no-new-privileges', '--read-only', '--restart no'],
    ...['--security-opt seccomp=/r/seccomp.json', '--user 7:8', '--pull never', '--ulimit nofile=1024:1024'],
    ...[
      `--entrypoint /ironcage/hold debian:bookworm-slim ${markOf('ironcage-shop-12345678')}`,
      '--log-driver none',
      '--no-healthcheck',
    ],
  ]) {
    expect(line).toContain(wanted);
  }
});

test('no variable of the cage is in what the engine keeps of its container', () => {
  expect(createArguments(plan(), container('docker'), HOST).join(' ')).not.toMatch(/TOKEN|placeholder|--env/);
});

test.each([
  ['/srv/a b', 'source=/srv/a b'],
  ['/srv/a,b', '"source=/srv/a,b"'],
  ['/srv/a"b', '"source=/srv/a""b"'],
  ['/srv/a:b', 'source=/srv/a:b'],
])('a mount of %s is one field', (source, field) => {
  const args = createArguments(
    plan({ binds: [{ source, target: '/data', writable: false }] }),
    container('docker'),
    HOST,
  );
  expect(args).toContain(`type=bind,${field},target=/data,readonly`);
});

test('rootless Podman keeps the user’s own number', () => {
  expect(createArguments(plan(), container('podman', true), HOST).join(' ')).toContain('--userns keep-id');
  expect(createArguments(plan(), container('podman'), HOST).join(' ')).not.toContain('--userns');
});

test('limits are the engine’s where it has control groups, and of each process where not', () => {
  const limits = { memoryBytes: 2 ** 30, pids: 100, cpus: undefined };
  const with_ = createArguments(plan({ limits }), container('docker'), HOST).join(' ');
  expect(with_).toContain('--memory 1073741824 --memory-swap 1073741824 --pids-limit 100');
  const none = { memory: false, pids: false, cpu: false };
  const without = createArguments(plan({ limits }), container('podman', true, none), HOST).join(' ');
  expect(without).toContain('--ulimit data=1073741824:1073741824 --ulimit nproc=100:100');
  expect(without).not.toMatch(/--memory|--pids-limit/);
  expect(enforcementOf(limits, ALL)).toEqual({ memory: 'cgroup', pids: 'cgroup', cpu: 'none' });
  expect(enforcementOf(limits, none)).toEqual({ memory: 'rlimit', pids: 'rlimit', cpu: 'none' });
});

test('a limit that nothing can enforce is an error', () => {
  expect(() => enforcementOf({ ...NO_LIMITS, cpus: 1 }, { ...ALL, cpu: false })).toThrow('--cpus');
});
