// A further program inside a running container without its engine: a process of ours joins the control groups and namespaces of
// the first one, takes on exactly what that was noted to have, and becomes the program. It holds root's rights until it has
// joined; from its first call on no process inside can look into it, since it is not dumpable, and when it becomes the
// program, which ends that, it has nothing left but what every program inside has.
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../platform/processes.ts';
import { printableLine } from '../../platform/text.ts';
import type { EnterCommand, EnterPlan, EnterRequest, RunningCage } from '../backend.ts';
import type { Tools } from '../host/tools.ts';
import { addresses, CALL_PROGRAM, callList, type Call, type Put } from '../host/call-list.ts';
import { groupsToJoin } from './cgroup-files.ts';
import { readEntry, type EntryRecord } from './entry-record.ts';
import { MARK, signalMarked } from './enter.ts';
import { goneMeanwhile } from './gone-meanwhile.ts';
import {
  CALLS,
  CAPABILITY_VERSION,
  ERRORS,
  JOIN_KEYRING,
  NAMESPACES,
  PROCESS,
  SET_FILTER,
  WRITE_ONLY,
} from '../host/kernel-numbers.ts';
import { canBeSet, LIMIT_BYTES, limitBytes } from './resource-limits.ts';

interface Entry {
  record: EntryRecord;
  uid: number;
  gid: number;
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Our own /proc/self/cgroup. */
  ownGroups: string;
  /** The list's own file: taken away by itself. */
  file: string;
}

/**
 * Undefined where it is the engine's to do: nothing was noted; a terminal is wanted, which is to be one of the container's; or
 * the program is to outlive us.
 */
export function enterDirectly(
  plan: EnterPlan,
  { init }: Pick<RunningCage, 'init'>,
  { argv, cwd, env, terminal, detached }: EnterRequest,
  tools: Tools,
  path: string,
): EnterCommand | undefined {
  const { runDirectory, identity } = plan;
  const record = terminal || detached === true || !plan.callerIsRoot ? undefined : readEntry(runDirectory, init);
  if (record === undefined || !canBeSet(record.limits, own('limits'), own('status'))) return undefined;
  const directory = join(runDirectory, 'exec');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const mark = randomUUID();
  const file = join(directory, mark);
  const list = callList((put) =>
    entryCalls(
      {
        ...{ record, uid: identity.insideUid, gid: identity.insideGid, argv, cwd, file },
        ...{ env: { ...plan.env, ...env, [MARK]: mark }, ownGroups: own('cgroup') },
      },
      put,
    ),
  );
  // More than a program can be given at all: let the engine say so.
  if (list === undefined) return undefined;
  writeFileSync(file, list, { mode: 0o600, flag: 'wx' });
  // Held open, its processes stay those that were looked at, whoever has the number of the first one by now.
  const namespace = openSync(`/proc/${init.pid}/ns/pid`, 'r');
  if (!isAlive(init)) throw goneMeanwhile();
  return {
    program: tools.nsenter,
    args: [`--pid=/proc/${process.pid}/fd/${namespace}`, '--', join(runDirectory, CALL_PROGRAM), file],
    env: { PATH: path },
    deliver: (signal) => signalMarked(init, mark, signal),
    endLeftOver() {
      // The program ends with the one that waits for it.
      closeSync(namespace);
      rmSync(file, { force: true });
      return Promise.resolve();
    },
  };
}

/** Of this process. */
function own(name: 'limits' | 'status' | 'cgroup'): string {
  return readFileSync(`/proc/self/${name}`, 'utf8');
}

/** In: root on this machine, in nothing of the container's but its process namespace. Out: the program. */
export function entryCalls(entry: Entry, put: Put): Call[] {
  return [...joinCalls(entry, put), ...confineCalls(entry, put), ...programCalls(entry, put)];
}

const SET_UP_FAILED = 125;

/** Of a step that only a kernel or an engine of another kind could fail. */
function step(doing: string, call: number, args: Call['args'], rest: Partial<Call> = {}): Call {
  const failure = `ironcage: the program was not started: ${doing} failed. Try: ironcage restart\n`;
  return { call, args, failure, exitCode: SET_UP_FAILED, ...rest };
}

/** The first number that is free once all others are closed. */
const FREE = 3;
const ALL = 0xffff_ffff;
const FIRST_PROCESS = 1;

function joinCalls({ record, ownGroups, file }: Entry, put: Put): Call[] {
  const write = (path: string, text: string, doing: string): Call[] => [
    step(doing, CALLS.open, [put(path), WRITE_ONLY], { most: FREE }),
    step(doing, CALLS.write, [FREE, put(text), Buffer.byteLength(text)], { most: Buffer.byteLength(text) }),
    step(doing, CALLS.close, [FREE]),
  ];
  return [
    step('hiding from others', CALLS.prctl, [PROCESS.dumpable, 0]),
    step('closing files', CALLS.closeRange, [FREE, ALL, 0]),
    step('taking its list away', CALLS.unlink, [put(file)]),
    ...groupsToJoin(record.cgroups, ownGroups).flatMap((group) => write(group.file, '0', 'joining a control group')),
    ...write('/proc/self/oom_score_adj', record.oomScore, 'setting its rank for the kernel’s memory killer'),
    // As seen from its process namespace, in which we are already: it is the one that was looked at, or none.
    step('finding the first process', CALLS.pidfdOpen, [FIRST_PROCESS, 0], { most: FREE }),
    // Our root and our directory are the container's from here on.
    step('joining the container', CALLS.setns, [FREE, NAMESPACES]),
    step('closing files', CALLS.closeRange, [FREE, ALL, 0]),
    // Without a terminal of its own a program must not reach the caller's: a session of its own has none.
    step('leaving the terminal', CALLS.setsid, [], { most: 0x7fff_ffff }),
  ];
}

const SIGKILL = 9;
const UMASK_BITS = 0o777;

function confineCalls({ record, uid, gid, cwd }: Entry, put: Put): Call[] {
  const { limits, filter, umask, groups, lastCapability } = record;
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION, 0);
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.length / 8, 0);
  program.writeBigUInt64LE(BigInt(put(filter)), 8);
  const limitsAt = put(limitBytes(limits));
  const numbers = Buffer.alloc(groups.length * 4);
  groups.forEach((group, index) => numbers.writeUInt32LE(Number(group), index * 4));
  return [
    step('setting the mask of files', CALLS.umask, [umask], { most: UMASK_BITS }),
    ...limits.map((_, resource) =>
      step('setting a limit', CALLS.prlimit64, [0, resource, limitsAt + resource * LIMIT_BYTES, 0]),
    ),
    // Keys of the caller's session are none of the cage's.
    step('leaving the keyring', CALLS.keyctl, [JOIN_KEYRING, 0], { most: 0x7fff_ffff, tolerated: [ERRORS.ENOSYS] }),
    ...Array.from({ length: lastCapability + 1 }, (_, capability) =>
      step('giving up rights', CALLS.prctl, [PROCESS.dropFromBound, capability]),
    ),
    step('giving up rights', CALLS.prctl, [PROCESS.ambient, PROCESS.ambientClearAll, 0, 0, 0]),
    step('leaving groups', CALLS.setgroups, [groups.length, put(numbers)]),
    step('becoming the cage’s user', CALLS.setresgid, [gid, gid, gid]),
    step('becoming the cage’s user', CALLS.setresuid, [uid, uid, uid]),
    step('giving up rights', CALLS.capset, [put(header), put(Buffer.alloc(24))]),
    // Another user's by now, the kernel may have thought anew about who may look into it.
    step('hiding from others', CALLS.prctl, [PROCESS.dumpable, 0]),
    step('binding it to its caller', CALLS.prctl, [PROCESS.deathSignal, SIGKILL]),
    // A parent outside has no number here; one that ended meanwhile has left us to the first process.
    step('binding it to its caller', CALLS.getppid, []),
    step('', CALLS.chdir, [put(cwd)], {
      failure: `ironcage: ${printableLine(cwd)}: no directory of the cage that its user may enter\n`,
      exitCode: CANNOT_RUN,
    }),
    step('giving up rights', CALLS.prctl, [PROCESS.noNewPrivileges, 1, 0, 0, 0]),
    step('filtering system calls', CALLS.seccomp, [SET_FILTER, 0, put(program)]),
  ];
}

const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** As execvp finds it: the first of its path that can be run; one that is there and cannot is told from none. */
function programCalls({ record, argv, env }: Entry, put: Put): Call[] {
  const [program = ''] = argv;
  const variables = new Map(record.environment.map((text) => [text.slice(0, text.indexOf('=')), text]));
  for (const [name, value] of Object.entries(env)) variables.set(name, `${name}=${value}`);
  const search = (variables.get('PATH') ?? '').slice('PATH='.length).split(':');
  const places = program.includes('/') ? [program] : search.map((directory) => join(directory || '.', program));
  const args = [addresses(argv, put), addresses([...variables.values()], put)];
  const name = printableLine(program);
  const attempt = (place: number, tolerated: readonly number[]): Call => ({
    ...{ call: CALLS.execve, args: [place, ...args], tolerated },
    ...{ failure: `ironcage: ${name}: it cannot be run in the cage\n`, exitCode: CANNOT_RUN },
  });
  const files = places.map(put);
  return [
    ...files.map((file) => attempt(file, [...NOT_THERE, ERRORS.EACCES])),
    ...files.map((file) => attempt(file, NOT_THERE)),
    // Of no file: it fails.
    {
      call: CALLS.close,
      args: [ALL],
      failure: `ironcage: ${name}: there is no such program in the cage\n`,
      exitCode: NOT_FOUND,
    },
  ];
}

const NOT_THERE = [ERRORS.ENOENT, ERRORS.ENOTDIR];
