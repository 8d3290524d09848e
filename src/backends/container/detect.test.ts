import { release } from 'node:os';
import { expect, test } from 'vitest';
import { engineCandidates } from './detect.ts';
import { readFacts } from './engine-facts.ts';

const home = '/home/ada';

test('every place where a Docker may answer is a candidate, the user’s context first', () => {
  const labels = engineCandidates('docker', { environment: { XDG_RUNTIME_DIR: '/run/user/1' }, home, uid: 1 }).map(
    ({ label }) => label,
  );
  expect(labels).toEqual([
    'Docker of the current context',
    'Docker Engine',
    'Docker Engine, rootless',
    'Docker Desktop',
    'Docker Desktop',
    'OrbStack',
    'Colima',
    'Rancher Desktop',
  ]);
});

test.each([
  [{ DOCKER_HOST: 'tcp://10.0.0.1:2376' }, ['--host', 'tcp://10.0.0.1:2376']],
  [{ DOCKER_CONTEXT: 'far' }, ['--context', 'far']],
])('a daemon that the user named by %j is the only one', (environment, selectors) => {
  const candidates = engineCandidates('docker', { environment, home, uid: 1 });
  expect(candidates.map((candidate) => candidate.selectors)).toEqual([selectors]);
});

test.each([
  [0, 'Podman, rootful'],
  [1000, 'Podman, rootless'],
])('uid %i gets %s', (uid, label) => {
  expect(engineCandidates('podman', { environment: {}, home, uid })[0]?.label).toBe(label);
});

const docker = {
  ServerVersion: '28.2.2',
  OperatingSystem: 'Debian GNU/Linux 12',
  KernelVersion: release(),
  SecurityOptions: ['name=seccomp,profile=default', 'name=cgroupns'],
  ...{ MemoryLimit: true, PidsLimit: true, CpuCfsQuota: false },
};

test('what Docker says of itself is read', () => {
  expect(readFacts('docker', JSON.stringify(docker))).toMatchObject({
    engineVersion: '28.2.2',
    ...{ rootless: false, remote: false, limits: { memory: true, pids: true, cpu: false } },
  });
});

test.each([
  [{ SecurityOptions: ['name=rootless'] }, { rootless: true }],
  [{ SecurityOptions: ['name=userns'] }, { remapped: true }],
  [{ OperatingSystem: 'Docker Desktop' }, { remote: true }],
  [{ KernelVersion: '1.2.3-elsewhere' }, { remote: true }],
])('of Docker with %j it knows %j', (change, known) => {
  expect(readFacts('docker', JSON.stringify({ ...docker, ...change }))).toMatchObject(known);
});

test('what Podman says of itself is read', () => {
  const host = {
    ...{ kernel: release(), serviceIsRemote: false, security: { rootless: true }, cgroupControllers: ['memory'] },
    ociRuntime: { name: 'crun', version: 'crun version 1.21' },
  };
  expect(readFacts('podman', JSON.stringify({ host, version: { Version: '5.4.2' } }))).toMatchObject({
    ...{ engineVersion: '5.4.2', rootless: true, remote: false, runtimeVersion: 'crun version 1.21' },
    limits: { memory: true, pids: false, cpu: false },
  });
});

test.each(['', 'null', '{}', '[]', '{"ServerVersion":""}', 'no JSON'])('%j is no answer of an engine', (text) => {
  expect(readFacts('docker', text)).toBeUndefined();
  expect(readFacts('podman', text)).toBeUndefined();
});
