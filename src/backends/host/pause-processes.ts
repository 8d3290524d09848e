// Holds the processes of a cage still, and lets them go on: by SIGSTOP, which no program can refuse, to every process of its
// namespace but the first, which only reaps. Parents are stopped before their children and let go after them, so that
// none of them sees another one stopped. Everything in there is hostile and may start processes meanwhile.
import { readFileSync, readdirSync } from 'node:fs';
import { systemErrorCode } from '../../platform/errors.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import { namespaceOf } from './cage-processes.ts';

const PATIENCE_MS = 5_000;
const POLL_MS = 2;

interface Member extends ProcessIdentity {
  parentPid: number;
  /** Letters of its threads’ states, as /proc/PID/stat has them. */
  states: readonly string[];
}

/** Those that somebody else has stopped already: they are not to be let go. */
export function stoppedBefore(init: ProcessIdentity): ProcessIdentity[] {
  return membersOf(init)
    .filter(isStill)
    .map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** False when they cannot be stopped in time: then some may be, and are to be let go. */
export async function pauseProcesses(init: ProcessIdentity): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const moving = membersOf(init).filter((member) => !isStill(member));
    // Nobody who moves can have started another one.
    if (moving.length === 0) return true;
    if (performance.now() > end) return false;
    for (const member of parentsFirst(moving)) send(member, 'SIGSTOP');
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Whether nothing in there can do anything. */
export function arePaused(init: ProcessIdentity): boolean {
  return membersOf(init).every(isStill);
}

export function resumeProcesses(init: ProcessIdentity, except: readonly ProcessIdentity[]): void {
  const kept = new Set(except.map(({ pid, startTicks }) => `${pid} ${startTicks}`));
  const stopped = membersOf(init).filter(
    (member) => isStill(member) && !kept.has(`${member.pid} ${member.startTicks}`),
  );
  for (const member of parentsFirst(stopped).reverse()) send(member, 'SIGCONT');
}

const STOPPED = new Set(['T', 't', 'Z', 'X']);

function isStill({ states }: Member): boolean {
  return states.every((state) => STOPPED.has(state));
}

/** Also those whose first thread has ended while others run, which look dead from outside. */
function membersOf(init: ProcessIdentity): Member[] {
  const own = namespaceOf(init.pid);
  if (own === undefined || own === namespaceOf(process.pid)) return [];
  return numbersIn('/proc').flatMap((pid): Member[] => {
    if (pid === init.pid) return [];
    const outer = namespaceOf(pid);
    if (outer !== undefined && outer !== own) return [];
    const threads = numbersIn(`/proc/${pid}/task`);
    if (outer === undefined && !threads.some((thread) => namespaceOf(thread) === own)) return [];
    const stat = readStat(`/proc/${pid}/stat`);
    if (stat === undefined) return [];
    const states = threads.flatMap((thread) => readStat(`/proc/${pid}/task/${thread}/stat`)?.state ?? []);
    return [{ pid, startTicks: stat.startTicks, parentPid: stat.parentPid, states }];
  });
}

function parentsFirst(members: readonly Member[]): Member[] {
  const byPid = new Map(members.map((member) => [member.pid, member]));
  const depth = (member: Member): number => {
    let steps = 0;
    for (let at = byPid.get(member.parentPid); at !== undefined && steps <= members.length; steps += 1)
      at = byPid.get(at.parentPid);
    return steps;
  };
  return members
    .map((member) => ({ member, depth: depth(member) }))
    .sort((one, other) => one.depth - other.depth)
    .map(({ member }) => member);
}

function readStat(path: string): { state: string; parentPid: number; startTicks: string } | undefined {
  let stat: string;
  try {
    stat = readFileSync(path, 'latin1');
  } catch {
    // Gone: then it does nothing any more.
    return undefined;
  }
  // The command name may hold spaces and parentheses: fields start behind the last ')'.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parentPid] = fields;
  const startTicks = fields[19];
  if (state === undefined || startTicks === undefined) return undefined;
  return { state, parentPid: Number(parentPid), startTicks };
}

function numbersIn(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    // A process that has ended has no threads.
    return [];
  }
}

function send({ pid }: Member, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}
