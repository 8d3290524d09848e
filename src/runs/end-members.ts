// Ends what a run has in its cage, whatever it says of its end, and sees from outside that it is gone. Until then its budgets count.
import { signalMember } from '../backends/host/cage-members.ts';
import type { Context } from '../cage/context.ts';
import { openSession } from '../cage/session.ts';
import { errorMessage } from '../platform/errors.ts';
import { signalProcess, waitForExit } from '../platform/processes.ts';
import { isCageAlive } from './live-cage.ts';
import { runMembers } from './run-members.ts';
import type { RunRecord } from './run-record.ts';
import { recordedRuns } from './run-store.ts';
import { endRun } from './start-supervisor.ts';

/** For a supervisor that has said its last word to be gone, on a machine that is busy. */
const SETTLE_MS = 1_000;
/** From being asked to end to being ended. */
const GRACE_MS = 2_000;
/** From that to giving up. */
const KILL_MS = 5_000;
const LOOK_MS = 20;

/** `ended`: something went on, and is gone now. `cage-ended`: nothing less took it along. `left`: it may go on. */
type MembersEnd = 'nothing' | 'ended' | 'cage-ended' | 'left';

interface EndOptions {
  /** It has a budget: what can be counted by nothing must not go on, whoever it belongs to. */
  isCounted: boolean;
  /** While it is waited for. */
  turn: () => void;
}

export async function endMembers(context: Context, record: RunRecord, options: EndOptions): Promise<MembersEnd> {
  if (!isCageAlive(record)) return 'nothing';
  const end = record.gvisor ? await endUnseen(context, record) : await endSeen(context, record, options);
  if (end !== 'left' || !options.isCounted) return end;
  // With its first process the kernel ends all others.
  signalProcess(record.init, 'SIGKILL');
  return (await waitForExit(record.init, KILL_MS)) ? 'cage-ended' : 'left';
}

async function endSeen(
  context: Context,
  record: RunRecord,
  { isCounted, turn }: EndOptions,
): Promise<'nothing' | 'ended' | 'left'> {
  const began = performance.now();
  let [wasAsked, wentOn] = [false, false];
  for (;;) {
    const there = isCageAlive(record) ? runMembers(record, isCounted, othersThan(context, record)) : [];
    if (there.length === 0) return wentOn ? 'ended' : 'nothing';
    const takenMs = performance.now() - began;
    if (takenMs > SETTLE_MS + GRACE_MS + KILL_MS) return 'left';
    const isLate = takenMs > SETTLE_MS + GRACE_MS;
    if (takenMs > SETTLE_MS && (!wasAsked || isLate)) {
      wasAsked = true;
      wentOn ||= there.some(({ supervises }) => supervises === undefined);
      for (const member of there) signalMember(member, isLate ? 'SIGKILL' : 'SIGTERM');
    }
    turn();
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
}

/** Each time anew: another run may begin meanwhile. */
function othersThan(context: Context, { cage, id }: RunRecord): ReadonlySet<string> {
  try {
    const runs = recordedRuns(context, cage).filter((run) => run.id !== id && run.status === 'running');
    return new Set(runs.map((run) => run.id));
  } catch {
    // A record that cannot be read accounts for nothing.
    return new Set();
  }
}

/** gVisor’s programs are not seen from outside: what has the mark is ended from inside. */
async function endUnseen(context: Context, { cage, id }: RunRecord): Promise<'nothing' | 'left'> {
  try {
    return (await endRun(await openSession(context, cage), id)) ? 'nothing' : 'left';
  } catch (error) {
    context.progress(errorMessage(error));
    return 'left';
  }
}
