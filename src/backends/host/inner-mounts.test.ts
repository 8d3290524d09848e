import { expect, test } from 'vitest';
import type { CagePlan } from '../backend.ts';
import { guardedPaths, innerMounts, type Places } from './inner-mounts.ts';

const PLACES: Places = {
  ...{ home: '/mnt/home', temporary: '/mnt/tmp', device: '/mnt/dev', workspace: (index) => `/mnt/workspace-${index}` },
  bind: (index) => `/mnt/bind-${index}`,
};

function planWith(project: string, binds: CagePlan['binds'] = []): CagePlan {
  const identity = { uid: 1, gid: 1, egressUid: 2, insideUid: 1000, insideGid: 1000 };
  return {
    ...{
      name: 'c',
      identity,
      callerIsRoot: false,
      runDirectory: '/r',
      tmpDirectory: '/t',
      busDirectory: '/b',
      homeDirectory: '/h',
    },
    homeTarget: '/home/agent',
    workspaces: [{ kind: 'directory', source: '/w', target: project, writable: true }],
    ...{ binds, masks: [], env: {}, limits: { memoryBytes: undefined, pids: undefined, cpus: undefined } },
    listeners: [],
  };
}
const bind = (target: string, writable = false): CagePlan['binds'][number] => ({ source: '/s', target, writable });

test('a project that lies in no writable directory of the cage needs no guard', () => {
  const plan = planWith('/home/ada/shop');
  expect(guardedPaths(plan, PLACES)).toEqual([]);
  expect(innerMounts(plan, PLACES).map(({ target }) => target)).toEqual(['/home/ada/shop']);
});

test('every directory on the way to a project below /tmp is checked, and mounted upon itself', () => {
  const plan = planWith('/tmp/a/b/shop');
  expect(guardedPaths(plan, PLACES)).toEqual(['/mnt/tmp/a/', '/mnt/tmp/a/b/', '/mnt/tmp/a/b/shop']);
  expect(innerMounts(plan, PLACES)).toEqual([
    { source: '/mnt/tmp/a', target: '/tmp/a', writable: true },
    { source: '/mnt/tmp/a/b', target: '/tmp/a/b', writable: true },
    { source: '/mnt/workspace-0', target: '/tmp/a/b/shop', writable: true },
  ]);
});

test.each([
  ['/var/tmp/a/shop', ['/mnt/tmp/a/', '/mnt/tmp/a/shop']],
  ['/dev/shm/a/shop', ['/mnt/dev/shm/', '/mnt/dev/shm/a/', '/mnt/dev/shm/a/shop']],
])('a project at %s lies in a writable directory too', (project, guarded) => {
  expect(guardedPaths(planWith(project), PLACES)).toEqual(guarded);
});

test('a covered file is guarded like a mount', () => {
  const plan = { ...planWith('/srv/shop'), masks: ['/srv/shop/config/.env'] };
  expect(guardedPaths(plan, PLACES)).toEqual(['/mnt/workspace-0/config/', '/mnt/workspace-0/config/.env']);
  expect(innerMounts(plan, PLACES)).toEqual([
    { source: '/mnt/workspace-0', target: '/srv/shop', writable: true },
    { source: '/mnt/workspace-0/config', target: '/srv/shop/config', writable: true },
  ]);
});

test('a mount is guarded within the innermost writable directory it lies in, once, and never twice', () => {
  const plan = planWith('/tmp/shop', [bind('/tmp/shop/test/data'), bind('/tmp/shop/test/more'), bind('/home/agent/x')]);
  expect(guardedPaths(plan, PLACES)).toEqual([
    '/mnt/home/x',
    '/mnt/tmp/shop',
    '/mnt/workspace-0/test/',
    '/mnt/workspace-0/test/data',
    '/mnt/workspace-0/test/more',
  ]);
});

test('a way through another mount that is read-only needs no guard, one through a writable mount does', () => {
  expect(guardedPaths(planWith('/srv/shop', [bind('/data'), bind('/data/in/side')]), PLACES)).toEqual([]);
  expect(guardedPaths(planWith('/srv/shop', [bind('/tmp/a'), bind('/tmp/a/in/side')]), PLACES)).toEqual(['/mnt/tmp/a']);
  expect(guardedPaths(planWith('/srv/shop', [bind('/data', true), bind('/data/in/side')]), PLACES)).toEqual([
    '/mnt/bind-0/in/',
    '/mnt/bind-0/in/side',
  ]);
});

test('a directory that is a mount of its own is not covered by a guard', () => {
  const plan = planWith('/tmp/a/b', [bind('/tmp/a')]);
  expect(innerMounts(plan, PLACES)).toEqual([
    { source: '/mnt/bind-0', target: '/tmp/a', writable: false },
    { source: '/mnt/workspace-0', target: '/tmp/a/b', writable: true },
  ]);
});
