// The processes of a cage with all that a hostile one could hide behind: those that are about to end, whose first thread has ended
// while others run, or that forbade others to look at them. `cageProcesses` sees what is in plain sight, and is enough to count by.
import { readFileSync, readdirSync } from 'node:fs';
import { systemErrorCode } from '../../platform/errors.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import { namespaceOf } from './cage-processes.ts';

export interface Member extends ProcessIdentity {
  parentPid: number;
  /** Letters of its threads’ states, as /proc/PID/stat has them. */
  states: readonly string[];
}

/** All but the first process; also those whose first thread has ended while others run, which look dead from outside. */
export function membersOf(init: ProcessIdentity): Member[] {
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

/** Nothing of it runs any more: only its parent has not taken note. */
export function hasEnded({ states }: Member): boolean {
  return states.every((state) => state === 'Z' || state === 'X');
}

/** To one that is gone meanwhile nothing happens. */
export function signalMember({ pid, startTicks }: Member, signal: NodeJS.Signals): void {
  if (readStat(`/proc/${pid}/stat`)?.startTicks !== startTicks) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
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
