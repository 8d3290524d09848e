import { expect, test } from 'vitest';
import { openMounts, parseMounts } from './tighten-mounts.ts';

const INFO = String.raw`100 90 0:50 / / ro,relatime - overlay overlay rw
101 100 0:51 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
102 100 0:52 / /dev rw,nosuid - tmpfs tmpfs rw
103 102 0:53 / /dev/pts rw,nosuid,noexec - devpts devpts rw
104 100 0:54 / /sys ro,nosuid,nodev,noexec - sysfs sysfs ro
105 104 0:55 / /sys/firmware ro - tmpfs tmpfs ro
106 104 0:56 / /sys ro,nosuid,nodev - tmpfs tmpfs ro
107 100 8:1 /x /home/a\040b\134c\303\251 rw,relatime - ext4 /dev/vda rw
`;

test('a mount is read with its own options, its path without escapes', () => {
  expect(parseMounts(Buffer.from(INFO).toString('latin1')).at(-1)).toEqual({
    path: String.raw`/home/a b\cé`,
    options: ['rw', 'relatime'],
  });
});

test('what another mount covers is out of reach, with all below it', () => {
  const paths = parseMounts(INFO).map(({ path }) => path);
  expect(paths.filter((path) => path.startsWith('/sys'))).toEqual(['/sys']);
  expect(paths).toContain('/dev/pts');
});

test('open are those that let set-uid files count, and outside of /dev those that let device files count', () => {
  expect(openMounts(parseMounts(INFO)).map(({ path }) => path[1] ?? '')).toEqual(['', 'h']);
});
