// Which programs in a cage are those of a run, as the host sees them: a cage's own word on that counts for nothing.
import { readFileSync, readdirSync } from 'node:fs';
import { hasEnded, membersOf, type Member } from '../backends/host/cage-members.ts';
import { SUPERVISOR } from './live-cage.ts';
import type { RunRecord } from './run-record.ts';

/** By it everything that a run starts is known, as long as it does not throw it away. */
const MARK = 'IRONCAGE_RUN=';
/** Of /proc/PID/stat, on every Linux. */
const TICK_MS = 10;

export interface Candidate extends Member {
  startedAtMs: number;
  /** Runs that its environment names; it may have written that itself. */
  marks: readonly string[];
  /** The run whose supervisor it is, or says that it is. */
  supervises: string | undefined;
}

export interface Sought {
  id: string;
  /** First process of the cage. */
  init: number;
  /** Also what nobody is attached to and no run accounts for, where it began after this; undefined: none of that. */
  unclaimedSinceMs: number | undefined;
  /** Runs of the cage that go on beside it. */
  others: ReadonlySet<string>;
}

/** What a run has in its cage. A run that somebody counts for has all there that nobody else can have started. */
export function runMembers(record: RunRecord, isCounted: boolean, others: ReadonlySet<string>): Candidate[] {
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const bootedAtMs = Date.now() - uptimeMs;
  const candidates = membersOf(record.init)
    .filter((member) => !hasEnded(member))
    .map((member) => ({
      ...member,
      startedAtMs: bootedAtMs + Number(member.startTicks) * TICK_MS,
      marks: marksOf(member.pid),
      supervises: supervisedBy(member.pid),
    }));
  return membersOfRun(candidates, {
    id: record.id,
    init: record.init.pid,
    unclaimedSinceMs: isCounted ? Date.parse(record.startedAt) : undefined,
    others,
  });
}

export function membersOfRun(candidates: readonly Candidate[], sought: Sought): Candidate[] {
  const byPid = new Map(candidates.map((candidate) => [candidate.pid, candidate]));
  const lineOf = (candidate: Candidate): Candidate[] => {
    const line = [candidate];
    for (let at = byPid.get(candidate.parentPid); at !== undefined && !line.includes(at); at = byPid.get(at.parentPid))
      line.push(at);
    return line;
  };
  return candidates.filter((candidate) => isOfRun(lineOf(candidate), sought));
}

/** `line`: a program and those that it descends from, as far as they are in the cage and live. */
function isOfRun(line: readonly Candidate[], { id, init, unclaimedSinceMs, others }: Sought): boolean {
  if (line.some(({ marks, supervises }) => marks.includes(id) || supervises === id)) return true;
  const first = line.at(-1);
  // Who was started from outside belongs to whoever did that; the first process of a cage takes in only orphans.
  if (unclaimedSinceMs === undefined || first === undefined || first.parentPid !== init) return false;
  if (line.some(({ marks }) => marks.some((mark) => others.has(mark)))) return false;
  return first.startedAtMs >= unclaimedSinceMs;
}

/** Of all its threads: that of one whose first thread has ended is empty. */
function marksOf(pid: number): string[] {
  const marks = new Set<string>();
  for (const thread of threadsOf(pid)) {
    for (const variable of readOf(`/proc/${pid}/task/${thread}/environ`)) {
      if (variable.startsWith(MARK)) marks.add(variable.slice(MARK.length));
    }
    if (marks.size > 0) break;
  }
  return [...marks];
}

function supervisedBy(pid: number): string | undefined {
  const [, program, run] = readOf(`/proc/${pid}/cmdline`);
  return program === SUPERVISOR ? run : undefined;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readOf(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\0');
  } catch {
    // Gone meanwhile, or not ours to see: then nothing accounts for it.
    return [];
  }
}
