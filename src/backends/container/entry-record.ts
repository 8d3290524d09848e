// What the first process of a container was made with, as this machine's kernel shows it before anything of the agent's runs:
// by it later programs can be made its equals without asking the engine. Noted in the cage's run directory, which no cage
// writes to and every start empties. Only where it can be told whole; else programs are entered by the engine.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTextIfPresent } from '../../platform/files.ts';
import { run, type ProcessIdentity } from '../../platform/processes.ts';
import type { EngineKind } from '../backend.ts';
import { writeCalls, type Call } from '../host/call-list.ts';
import { cgroupFiles, type CgroupFile } from './cgroup-files.ts';
import { CALLS, PTRACE } from '../host/kernel-numbers.ts';
import { parseLimits, type ResourceLimit } from './resource-limits.ts';

/** Name in the run directory. */
export const ENTRY_RECORD = 'entry.json';

export interface EntryRecord {
  /** `NAME=VALUE` each. */
  environment: readonly string[];
  cgroups: readonly CgroupFile[];
  umask: number;
  oomScore: string;
  groups: readonly string[];
  /** The greatest that this kernel has. */
  lastCapability: number;
  limits: readonly ResourceLimit[];
  /** The filter of system calls, 8 bytes for each instruction. */
  filter: Buffer;
}

const MOST_INSTRUCTIONS = 4096;
const INSTRUCTION_BYTES = 8;
const FILTER_BYTES = MOST_INSTRUCTIONS * INSTRUCTION_BYTES;
/** BPF_RET | BPF_K: what a filter ends in. */
const RETURN = 0x06;
const LOOK_MS = 5_000;

/** Notes the first process that `init` is. For root and containers that are not in a user namespace. */
export async function noteEntry(
  runDirectory: string,
  init: ProcessIdentity,
  engine: EngineKind,
  path: string,
): Promise<void> {
  const record = await lookAt(runDirectory, init, path);
  if (record === undefined) return;
  // Podman leaves the first process the group that it has, and every later one none.
  const groups = engine === 'podman' ? [] : record.groups;
  const note: Note = { ...record, groups, init, filter: record.filter.toString('base64') };
  writeFileSync(join(runDirectory, ENTRY_RECORD), JSON.stringify(note), { mode: 0o600 });
}

async function lookAt(runDirectory: string, init: ProcessIdentity, path: string): Promise<EntryRecord | undefined> {
  const read = (name: string): string => readFileSync(`/proc/${init.pid}/${name}`, 'utf8');
  if (isLabelled(init.pid) || isAlwaysDumped()) return undefined;
  const status = read('status');
  const umask = /^Umask:\s*([0-7]+)$/m.exec(status)?.[1];
  const filters = /^Seccomp_filters:\s*(\d+)$/m.exec(status)?.[1];
  const cgroups = cgroupFiles(read('cgroup'), readFileSync('/proc/self/mountinfo', 'utf8'));
  const groups = /^Groups:([ \t\d]*)$/m.exec(status)?.[1]?.trim().split(/\s+/).filter(Boolean);
  const limits = parseLimits(read('limits'));
  const lastCapability = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  if (umask === undefined || filters !== '1' || groups === undefined || limits === undefined) return undefined;
  const filter = cgroups === undefined ? undefined : await askForFilter(runDirectory, init.pid, path);
  if (cgroups === undefined || filter === undefined) return undefined;
  return {
    environment: read('environ').split('\0').filter(Boolean),
    ...{
      cgroups,
      umask: Number.parseInt(umask, 8),
      oomScore: read('oom_score_adj').trim(),
      groups,
      limits,
      lastCapability,
      filter,
    },
  };
}

/** A label of AppArmor, SELinux or Smack is for the engine to give. */
function isLabelled(pid: number): boolean {
  return ['current', 'apparmor/current', 'smack/current'].some((name) => {
    try {
      const label = readFileSync(`/proc/${pid}/attr/${name}`, 'utf8').replace(/[\0\n]+$/, '');
      return label !== '' && label !== 'unconfined';
    } catch {
      // This kernel labels nothing.
      return false;
    }
  });
}

/** Where every process may be looked into by its equals from the moment on that it becomes one. */
function isAlwaysDumped(): boolean {
  return readTextIfPresent('/proc/sys/fs/suid_dumpable')?.trim() === '1';
}

/** Which only a process that holds the other can do: by a list of calls. */
async function askForFilter(runDirectory: string, pid: number, path: string): Promise<Buffer | undefined> {
  const command = writeCalls(runDirectory, 'look', (put) => questions(pid, put(Buffer.alloc(FILTER_BYTES))));
  if (command === undefined) return undefined;
  const [program, list] = command;
  const { exitCode, stdout } = await run(program, [list], {
    ...{ env: { PATH: path }, timeoutMs: LOOK_MS, maxOutputBytes: FILTER_BYTES },
  });
  const filter = withoutTail(stdout);
  // A kernel that tells nobody of filters, or not us.
  return exitCode === 0 && filter.length > 0 && endsInReturn(filter) ? filter : undefined;
}

function ask(call: number, args: Call['args'], most = 0): Call {
  return { call, args, most, failure: 'the kernel does not tell the filter of the first process\n', exitCode: 1 };
}

function questions(pid: number, answer: number): Call[] {
  return [
    // It sleeps, and nobody notices that it is held for a moment; should we end, the kernel lets it go.
    ask(CALLS.ptrace, [PTRACE.seize, pid, 0, 0]),
    ask(CALLS.ptrace, [PTRACE.interrupt, pid, 0, 0]),
    ask(CALLS.wait4, [pid, 0, WAIT_ALL, 0], pid),
    ask(CALLS.ptrace, [PTRACE.getFilter, pid, 0, answer], MOST_INSTRUCTIONS),
    ask(CALLS.ptrace, [PTRACE.detach, pid, 0, 0]),
    ask(CALLS.write, [1, answer, FILTER_BYTES], FILTER_BYTES),
    ask(CALLS.exitGroup, [0]),
  ];
}

const WAIT_ALL = 0x4000_0000;

/** What was not written is zero, and no filter ends in such an instruction. */
function withoutTail(bytes: Buffer): Buffer {
  const used = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return Buffer.from(bytes.subarray(0, Math.ceil(used / INSTRUCTION_BYTES) * INSTRUCTION_BYTES));
}

function endsInReturn(filter: Buffer): boolean {
  return filter.readUInt16LE(filter.length - INSTRUCTION_BYTES) === RETURN;
}

/** Undefined where nothing was noted of exactly this process. */
export function readEntry(runDirectory: string, init: ProcessIdentity): EntryRecord | undefined {
  const text = readTextIfPresent(join(runDirectory, ENTRY_RECORD));
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (!isNote(value) || value.init.pid !== init.pid || value.init.startTicks !== init.startTicks) return undefined;
  return { ...value, filter: Buffer.from(value.filter, 'base64') };
}

type Note = Omit<EntryRecord, 'filter'> & { init: ProcessIdentity; filter: string };

/** Written by us alone, and whole or not at all: what it is told by is that it has all its parts. */
function isNote(value: unknown): value is Note {
  const names = ['init', 'environment', 'cgroups', 'umask', 'oomScore', 'groups', 'lastCapability', 'limits', 'filter'];
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}
