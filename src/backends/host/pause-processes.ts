// Holds the processes of a cage still, and lets them go on: by SIGSTOP, which no program can refuse, to every process of its
// namespace but the first, which only reaps. Parents are stopped before their children and let go after them, so that
// none of them sees another one stopped. Everything in there is hostile and may start processes meanwhile.
import { timeLimit } from '../../platform/patience.ts';
import type { ProcessIdentity } from '../../platform/processes.ts';
import { membersOf, signalMember, type Member } from './cage-members.ts';

const PATIENCE_MS = 5_000;
const POLL_MS = 2;

/** Those that somebody else has stopped already: they are not to be let go. */
export function stoppedBefore(init: ProcessIdentity): ProcessIdentity[] {
  return membersOf(init)
    .filter(isStill)
    .map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** False when they cannot be stopped in time: then some may be, and are to be let go. */
export async function pauseProcesses(init: ProcessIdentity): Promise<boolean> {
  const isOver = timeLimit(PATIENCE_MS);
  for (;;) {
    const moving = membersOf(init).filter((member) => !isStill(member));
    // Nobody who moves can have started another one.
    if (moving.length === 0) return true;
    if (isOver()) return false;
    for (const member of parentsFirst(moving)) signalMember(member, 'SIGSTOP');
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
  for (const member of parentsFirst(stopped).reverse()) signalMember(member, 'SIGCONT');
}

const STOPPED = new Set(['T', 't', 'Z', 'X']);

function isStill({ states }: Member): boolean {
  return states.every((state) => STOPPED.has(state));
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
