// The control groups of a process, as files by which another process joins them.

export interface CgroupFile {
  /** As /proc/PID/cgroup has it: hierarchy, controllers, path. */
  line: string;
  /** Absolute path of the group's file to which a process of one thread writes 0 to join it. */
  file: string;
}

/**
 * `groups` is /proc/PID/cgroup, `mounts` our /proc/self/mountinfo; formats: cgroups(7), proc(5). Undefined when one of the groups
 * cannot be reached from here.
 */
export function cgroupFiles(groups: string, mounts: string): CgroupFile[] | undefined {
  const mounted = cgroupMounts(mounts);
  const found: CgroupFile[] = [];
  for (const line of groups.split('\n').filter(Boolean)) {
    const [hierarchy, controllers = '', ...rest] = line.split(':');
    const path = rest.join(':');
    const mount = mounted.find(({ isUnified, options }) =>
      hierarchy === '0' ? isUnified : !isUnified && controllers.split(',').every((name) => options.includes(name)),
    );
    if (mount === undefined) {
      // Where none is mounted all processes are in its root.
      if (path === '/') continue;
      return undefined;
    }
    if (mount.root !== '/' || !path.startsWith('/') || path.split('/').includes('..')) return undefined;
    // One thread that moves itself needs no other to stand still: by `cgroup.procs` the kernel waits for all of them, some 15 ms.
    // A group of the one hierarchy takes no threads.
    const name = mount.isUnified ? 'cgroup.procs' : 'tasks';
    found.push({ line, file: `${mount.path}${path === '/' ? '' : path}/${name}` });
  }
  return found;
}

/** Those of `wanted` that a process with `own` as its /proc/PID/cgroup is not in. */
export function groupsToJoin(wanted: readonly CgroupFile[], own: string): CgroupFile[] {
  const lines = own.split('\n');
  return wanted.filter(({ line }) => !lines.includes(line));
}

interface CgroupMount {
  root: string;
  path: string;
  isUnified: boolean;
  options: readonly string[];
}

function cgroupMounts(text: string): CgroupMount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, path] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || path === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ root, path, isUnified: type === 'cgroup2', options: options.split(',') }];
  });
}
