// Which processes belong to the cages of one data root, seen from the host: by their command line, and inside a cage by
// the mounts that lie below it. Asks only the kernel, so that it also sees what ironcage has forgotten.
import { readdirSync, readFileSync } from 'node:fs';

/** `PID COMMAND` of each process that has `directory` in its command line or in its mounts. */
export function processesNaming(directory: string): string[] {
  return pids().flatMap((pid) => {
    const command = read(`/proc/${pid}/cmdline`).split('\0').join(' ');
    if (isZombie(pid)) return [];
    return command.includes(directory) || read(`/proc/${pid}/mountinfo`).includes(directory)
      ? [`${pid} ${command.slice(0, 200)}`]
      : [];
  });
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** Gone, and only waiting for its parent to take note. */
function isZombie(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Ended meanwhile, or not ours to see.
    return '';
  }
}
