import { expect, test } from 'vitest';
import { cgroupFiles, groupsToJoin } from './cgroup-files.ts';

const UNIFIED = '42 32 0:29 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
const SPLIT = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

test('a group of the one hierarchy is a directory below its mount', () => {
  expect(cgroupFiles('0::/system.slice/docker-1.scope\n', UNIFIED)).toEqual([
    { line: '0::/system.slice/docker-1.scope', file: '/sys/fs/cgroup/system.slice/docker-1.scope/cgroup.procs' },
  ]);
});

test('of several hierarchies each has its mount', () => {
  const groups = '3:cpu,cpuacct:/docker/1\n2:name=systemd:/docker/1\n0::/\n';
  expect(cgroupFiles(groups, SPLIT)?.map(({ file }) => file)).toEqual([
    '/sys/fs/cgroup/cpu,cpuacct/docker/1/tasks',
    '/sys/fs/cgroup/systemd/docker/1/tasks',
    '/sys/fs/cgroup/unified/cgroup.procs',
  ]);
});

test.each([
  ['its hierarchy is not mounted', '5:devices:/docker/1\n', SPLIT],
  ['it lies above what is mounted', '0::/../other\n', UNIFIED],
  ['only a part of the hierarchy is mounted', '0::/docker/1\n', UNIFIED.replace('0:29 / ', '0:29 /part ')],
])('none is told when one cannot be reached: %s', (_why, groups, mounts) => {
  expect(cgroupFiles(groups, mounts)).toBeUndefined();
});

test('the root of a hierarchy that is not mounted needs no joining', () => {
  expect(cgroupFiles('5:devices:/\n0::/docker/1\n', UNIFIED)).toHaveLength(1);
});

test('a group that a process is in already is not joined again', () => {
  const wanted = cgroupFiles('3:cpu,cpuacct:/docker/1\n0::/\n', SPLIT) ?? [];
  expect(groupsToJoin(wanted, '3:cpu,cpuacct:/\n0::/\n').map(({ line }) => line)).toEqual(['3:cpu,cpuacct:/docker/1']);
});
