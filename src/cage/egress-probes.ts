// The egress as the kernel shows it to the host: what it is confined by is read off the living process.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { CONFINED_MEMORY_BYTES } from '../backends/host/confined-command.ts';
import { identifyProcess } from '../platform/processes.ts';
import type { Probe } from './probe.ts';
import type { RunningState } from './state.ts';

const NAMESPACES = ['user', 'pid', 'ipc', 'uts', 'cgroup', 'mnt'] as const;

/** `state.egress` is process 1 of its namespace; the egress itself is its only child. */
export function egressProbes({ egress }: RunningState): Probe[] {
  const pid = childOf(egress.pid);
  const probe = (id: string, expected: string, observe: (pid: number) => string, passes: RegExp): Probe => {
    const observed = pid === undefined ? 'its process is not there' : observing(() => observe(pid));
    return {
      id: `control-plane.egress-${id}`,
      group: 'control plane',
      ok: pid !== undefined && passes.test(observed),
      expected,
      observed,
    };
  };
  return [
    probe('namespaces', `namespaces of its own: ${NAMESPACES.join(', ')}`, sharedNamespaces, /^shares none$/),
    probe('filter', 'a system-call filter is loaded', (id) => statusOf(id, 'Seccomp'), /^2$/),
    probe('no-new-privileges', 'no_new_privs is set', (id) => statusOf(id, 'NoNewPrivs'), /^1$/),
    probe(
      'no-capabilities',
      'no capability in any set',
      (id) => ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => statusOf(id, name)).join(','),
      /^(0+,?)+$/,
    ),
    probe(
      'memory',
      'its memory has a bound',
      (id) => limitOf(id, 'Max data size'),
      new RegExp(`^${CONFINED_MEMORY_BYTES}$`),
    ),
    probe('no-core', 'it leaves no core file', (id) => limitOf(id, 'Max core file size'), /^0$/),
    probe(
      'writes',
      'it can write its three directories and nothing else',
      writableMounts,
      /^\/egress\/audit,\/egress\/ca,\/egress\/control$/,
    ),
  ];
}

function observing(observe: () => string): string {
  try {
    return observe();
  } catch (error) {
    return `not to be seen: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function childOf(parent: number): number | undefined {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => identifyProcess(pid)?.parentPid === parent);
}

function sharedNamespaces(pid: number): string {
  const shared = NAMESPACES.filter(
    (name) => readlinkSync(`/proc/${pid}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`),
  );
  return shared.length === 0 ? 'shares none' : `shares ${shared.join(', ')}`;
}

function statusOf(pid: number, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'missing';
}

function limitOf(pid: number, name: string): string {
  return new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? 'missing';
}

/** Mount points of files and directories that are not read-only; devices and /proc hold nothing. */
function writableMounts(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  return lines
    .map((line) => line.split(' '))
    .filter(([, , , , target = '', options = '']) => !options.startsWith('ro') && !/^\/(dev|proc)\b/.test(target))
    .map(([, , , , target = '']) => target)
    .sort((a, b) => (a < b ? -1 : 1))
    .join(',');
}
