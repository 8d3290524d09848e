// Bounds on what a cage may use: control groups where the caller can make them, otherwise resource limits of its
// processes. A limit that was asked for and that nothing here can enforce is an error, never a warning.
import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { IronError, systemErrorCode } from '../../platform/errors.ts';
import { pathExists } from '../../platform/files.ts';
import type { Enforcer, LimitEnforcement, LimitRequest } from '../backend.ts';

const ROOT = '/sys/fs/cgroup';
const PARENT = 'ironcage';
const CPU_PERIOD_US = 100_000;

type Limit = 'memory' | 'pids' | 'cpu';

/** One way to bound one resource: the directory to make, and the files to write there. */
interface CgroupPlan {
  directory: string;
  settings: readonly (readonly [file: string, value: string])[];
  limits: readonly Limit[];
}

export interface AppliedLimits {
  enforcement: LimitEnforcement;
  cgroups: readonly string[];
  /** Arguments for the shell programs: values for prlimit, or `-`. */
  rlimits: { pids: string; memory: string };
}

/** Makes the control groups for a cage and says what enforces each limit. `name` is unique on this machine and valid as a file name. */
export function applyLimits(name: string, request: LimitRequest, root = ROOT): AppliedLimits {
  const enforcement: Record<Limit, Enforcer> = { memory: 'none', pids: 'none', cpu: 'none' };
  const cgroups: string[] = [];
  for (const plan of planCgroups(name, request, root)) {
    if (!makeCgroup(plan)) continue;
    cgroups.push(plan.directory);
    for (const limit of plan.limits) enforcement[limit] = 'cgroup';
  }
  const rlimits = { pids: '-', memory: '-' };
  if (request.pids !== undefined && enforcement.pids === 'none') {
    rlimits.pids = String(request.pids);
    enforcement.pids = 'rlimit';
  }
  if (request.memoryBytes !== undefined && enforcement.memory === 'none') {
    rlimits.memory = String(request.memoryBytes);
    enforcement.memory = 'rlimit';
  }
  if (request.cpus !== undefined && request.cpus < availableParallelism() && enforcement.cpu === 'none') {
    removeCgroups(cgroups);
    throw new IronError('E_PROTECTION', {
      message: 'the limit --cpus cannot be enforced here',
      because: 'this user may not make control groups with a cpu controller',
      hint: 'run as root, delegate control groups to this user, or leave --cpus out',
    });
  }
  return { enforcement, cgroups, rlimits };
}

function planCgroups(name: string, request: LimitRequest, root: string): CgroupPlan[] {
  const cpuQuota =
    request.cpus === undefined ? undefined : String(Math.max(1000, Math.round(request.cpus * CPU_PERIOD_US)));
  if (pathExists(join(root, 'cgroup.controllers'))) {
    const settings: [string, string][] = [];
    const limits: Limit[] = [];
    const want = (limit: Limit, file: string, value: string | undefined): void => {
      if (value === undefined) return;
      settings.push([file, value]);
      limits.push(limit);
    };
    want('memory', 'memory.max', request.memoryBytes?.toString());
    want('pids', 'pids.max', request.pids?.toString());
    want('cpu', 'cpu.max', cpuQuota === undefined ? undefined : `${cpuQuota} ${CPU_PERIOD_US}`);
    return limits.length === 0 ? [] : [{ directory: join(root, PARENT, name), settings, limits }];
  }
  const plans: CgroupPlan[] = [];
  const controller = (limit: Limit, mount: string, settings: CgroupPlan['settings']): void => {
    plans.push({ directory: join(root, mount, PARENT, name), settings, limits: [limit] });
  };
  if (request.memoryBytes !== undefined)
    controller('memory', 'memory', [['memory.limit_in_bytes', String(request.memoryBytes)]]);
  if (request.pids !== undefined) controller('pids', 'pids', [['pids.max', String(request.pids)]]);
  if (cpuQuota !== undefined) {
    controller('cpu', 'cpu', [
      ['cpu.cfs_period_us', String(CPU_PERIOD_US)],
      ['cpu.cfs_quota_us', cpuQuota],
    ]);
  }
  return plans;
}

function makeCgroup({ directory, settings }: CgroupPlan): boolean {
  const parent = join(directory, '..');
  const top = join(parent, '..');
  try {
    accessSync(top, constants.W_OK);
    mkdirSync(parent, { recursive: true });
    if (pathExists(join(top, 'cgroup.subtree_control'))) {
      for (const level of [top, parent]) writeFileSync(join(level, 'cgroup.subtree_control'), '+memory +pids +cpu');
    }
    mkdirSync(directory, { recursive: true });
    for (const [file, value] of settings) writeFileSync(join(directory, file), value);
    return true;
  } catch {
    // Not ours to make (no delegation, read-only mount, controller absent): resource limits are the next choice.
    removeCgroups([directory]);
    return false;
  }
}

/** Removes the directories of a cage that has ended; one that is gone already is fine. */
export function removeCgroups(directories: readonly string[]): void {
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      const code = systemErrorCode(error);
      // Busy: a process is still leaving; the next start uses the same directory again.
      if (code !== 'ENOENT' && code !== 'EBUSY' && code !== 'EACCES' && code !== 'EROFS') throw error;
    }
  }
}

/** The files a process of one thread writes 0 to in order to belong to these groups; see cgroup-files.ts of the containers. */
export function ownJoinFiles(directories: readonly string[]): string[] {
  return directories.map((directory) => {
    const alone = join(directory, 'tasks');
    return pathExists(alone) ? alone : join(directory, PROCESSES);
  });
}

const PROCESSES = 'cgroup.procs';

/** Puts a process into the groups. */
export function joinCgroups(directories: readonly string[], pid: number): void {
  for (const directory of directories) writeFileSync(join(directory, PROCESSES), String(pid));
}
