import { expect, test } from 'vitest';
import { directoriesToLabel } from './selinux.ts';

function planFor(source: string, writable = true): Parameters<typeof directoriesToLabel>[0] {
  const own = { runDirectory: '/d/run', tmpDirectory: '/d/tmp', busDirectory: '/d/bus', homeDirectory: '/d/home' };
  const binds = ['/d/workspace/git', '/srv/data'].map((path) => ({ source: path, target: '/x', writable: true }));
  return { ...own, binds, workspaces: [{ kind: 'directory', source, target: '/home/ada/shop', writable }] };
}
const MOUNTED = '/home/ada/shop';
const OWN = ['/d/run', '/d/tmp', '/d/bus', '/d/home', '/d/workspace/git'];

test('nothing is labelled where SELinux is not enforced', () => {
  expect(directoriesToLabel(planFor('/d/tree'), { isEnforced: false, labels: [] })).toEqual([]);
  expect(directoriesToLabel(planFor(MOUNTED), { isEnforced: false, labels: [] })).toEqual([]);
});

test('what is ironcage’s own is labelled, a copy of the project included', () => {
  expect(directoriesToLabel(planFor('/d/tree'), { isEnforced: true, labels: [] })).toEqual([...OWN, '/d/tree']);
});

test.each([
  ['system_u:object_r:container_file_t:s0', true],
  ['system_u:object_r:svirt_sandbox_file_t:s0:c1,c2', true],
  ['system_u:object_r:container_ro_file_t:s0', false],
  ['system_u:object_r:usr_t:s0', false],
])('a project with the label %s is mounted (to be written: %s) and keeps it', (label, writable) => {
  expect(directoriesToLabel(planFor(MOUNTED, writable), { isEnforced: true, labels: [label] })).toEqual(OWN);
});

test.each([
  ['unconfined_u:object_r:user_home_t:s0', true],
  ['unconfined_u:object_r:user_home_t:s0', false],
  ['system_u:object_r:container_ro_file_t:s0', true],
  ['?', true],
  [undefined, true],
])(
  'a project with the label %s is refused by name (to be written: %s), and nothing of it is relabelled',
  (label, writable) => {
    const plan = (): unknown => directoriesToLabel(planFor(MOUNTED, writable), { isEnforced: true, labels: [label] });
    expect(plan).toThrow(`SELinux keeps containers out of ${MOUNTED}`);
  },
);
