// The processes of a container of Docker's by its control group, which is there long before the daemon tells of a process.
import { join } from 'node:path';
import { readTextIfPresent } from '../../platform/files.ts';

/** Where the kernel shows the groups: of one hierarchy for all, or of one of many. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/pids'];

/** Numbers on this machine; none where the daemon keeps its groups elsewhere. `id`: the daemon's own of the container. */
export function dockerMembers(id: string): number[] {
  // As the two drivers of control groups name them that Docker has.
  const names = [join('docker', id), join('system.slice', `docker-${id}.scope`)];
  const files = ROOTS.flatMap((root) => names.map((name) => join(root, name, 'cgroup.procs')));
  // 0 stands for one that our process namespace does not see.
  return files.flatMap((file) => (readTextIfPresent(file) ?? '').split('\n').map(Number)).filter((pid) => pid > 1);
}
