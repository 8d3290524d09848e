// How the work in a cage stands, for people and scripts that have to decide what to do next: its newest run, what waits to be read,
// what was refused, what was changed. A part that cannot be looked at is told as such and keeps nothing else from being told.
import type { AgentEvent } from '../agents/events.ts';
import { readMessages } from '../bus/messages.ts';
import type { Context } from '../cage/context.ts';
import { auditOutcome } from '../cage/audit.ts';
import { stateHealth } from '../cage/repair.ts';
import { cageExists, noSuchCage, readCageState } from '../cage/store.ts';
import { diffCage } from '../cage/work.ts';
import { errorMessage } from '../platform/errors.ts';
import { followRun, type RunEvent } from './follow-run.ts';
import { listRuns } from './list-runs.ts';
import type { RunInfo } from './run-view.ts';

/** `stuck`: it runs, and has said nothing for long. `gone`: it was ended from outside. */
export type Verdict = 'no-runs' | 'working' | 'waiting' | 'done' | 'failed' | 'stopped' | 'stuck' | 'gone' | 'broken';

export interface Diagnosis {
  cage: string;
  verdict: Verdict;
  /** What to do next. */
  suggestion: string;
  /** `running`, `stopped`, …, or why its state cannot be read. */
  state: string;
  run: (RunInfo & { liveness: 'alive' | 'zombie' | 'gone' | 'ended'; lastEventAt: string | null }) | null;
  /** How many others go on. */
  otherRuns: number;
  /** Text in them stems from inside the cage. */
  lastEvents: readonly RunEvent[];
  unread: readonly { seq: number; type: string; time: string }[];
  change: { files: number; insertions: number; deletions: number } | null;
  refused: readonly { host: string; method: string; path: string; count: number; remedy: string }[];
  /** What could not be looked at. */
  problems: readonly string[];
}

const LAST_EVENTS = 5;
/** A model that thinks, or a build, may be silent for a while. */
const SILENT_MS = 10 * 60_000;
const ASKS = ['question', 'info_request'];

/** Throws E_NO_CAGE. */
export async function diagnoseCage(context: Context, cage: string): Promise<Diagnosis> {
  if (!cageExists(context, cage)) throw noSuchCage(cage);
  const problems: string[] = [];
  const attempt = async <T>(what: string, otherwise: T, look: () => Promise<T>): Promise<T> => {
    try {
      return await look();
    } catch (error) {
      problems.push(`${what}: ${errorMessage(error)}`);
      return otherwise;
    }
  };
  const state = await attempt('its state', 'broken', () => Promise.resolve(stateHealth(readCageState(context, cage))));
  const runs = await attempt('its runs', [], () => listRuns(context, cage));
  const newest = runs.findLast(({ status }) => status === 'running') ?? runs.at(-1);
  const lastEvents = newest === undefined ? [] : await attempt('its stream', [], () => lastOf(context, newest.id));
  const unread = await attempt('its messages', [], () => unreadOf(context, cage));
  const change = await attempt('its change', null, async () => {
    const { files } = await diffCage(context, cage);
    const sum = (count: (file: (typeof files)[number]) => number): number =>
      files.reduce((all, file) => all + count(file), 0);
    return {
      files: files.length,
      insertions: sum((file) => file.insertions),
      deletions: sum((file) => file.deletions),
    };
  });
  const since = newest === undefined ? context.clock.now() : Date.parse(newest.startedAt);
  const refused = await attempt('its record', [], async () =>
    (await auditOutcome(context, cage, since)).refused.map(({ host, method, path, count, remedy }) => {
      return { host, method, path, count, remedy };
    }),
  );
  const lastEventAt = lastEvents.findLast(({ kind }) => kind !== 'end')?.time ?? null;
  const run =
    newest === undefined
      ? null
      : { ...newest, liveness: livenessOf(newest, lastEventAt, context.clock.now()), lastEventAt };
  const asks = unread.some(({ type }) => ASKS.includes(type));
  const verdict = verdictOf(state, run, asks);
  return {
    ...{ cage, verdict, state, run, lastEvents, unread, change, refused, problems },
    suggestion: suggestionFor(verdict, cage, run, { hasChange: change !== null && change.files > 0, problems }),
    otherRuns: runs.filter(({ id, status }) => status === 'running' && id !== newest?.id).length,
  };
}

function livenessOf(run: RunInfo, lastEventAt: string | null, nowMs: number): 'alive' | 'zombie' | 'gone' | 'ended' {
  if (run.status !== 'running') return isGone(run) ? 'gone' : 'ended';
  return nowMs - Date.parse(lastEventAt ?? run.startedAt) > SILENT_MS ? 'zombie' : 'alive';
}

function isGone({ reason }: RunInfo): boolean {
  return reason !== null && ['cage-gone', 'supervisor-gone', 'not-started'].includes(reason.code);
}

function verdictOf(state: string, run: Diagnosis['run'], asks: boolean): Verdict {
  if (state === 'broken' && run?.status !== 'running') return 'broken';
  if (run === null) return 'no-runs';
  if (run.liveness === 'gone') return 'gone';
  if (run.status === 'running') return asks ? 'waiting' : run.liveness === 'zombie' ? 'stuck' : 'working';
  return run.status;
}

function suggestionFor(
  verdict: Verdict,
  cage: string,
  run: Diagnosis['run'],
  { hasChange, problems }: { hasChange: boolean; problems: readonly string[] },
): string {
  const id = run?.id ?? '';
  const again =
    run?.sessionId === null || run === null ? `ironcage launch ${cage}` : `ironcage launch --resume ${id} -p "…"`;
  switch (verdict) {
    case 'no-runs':
      return `launch one: ironcage launch ${cage} --agent claude -p "…"`;
    case 'working':
      return `wait, or watch it: ironcage logs ${id} -f`;
    case 'waiting':
      return `it asks something: ironcage outbox ${cage}, then ironcage inbox ${cage} answer "…"`;
    case 'done':
      return hasChange
        ? `look at its change: ironcage diff ${cage}, ironcage review ${cage}`
        : `it changed nothing: ironcage logs ${id}`;
    case 'failed':
      return `see why: ironcage logs ${id}; then go on: ${again}`;
    case 'stopped':
      return `${run?.reason?.message ?? 'it was stopped'}; to go on: ${again}`;
    case 'stuck':
      return `it has said nothing for long: ironcage logs ${id}; stop it with ironcage stop-run ${id}`;
    case 'gone':
      return `${run?.reason?.message ?? 'it was ended'}; its work is kept${problems.length === 0 ? '' : ` (ironcage salvage ${cage} -o DIR takes it out)`}; to go on: ${again}`;
    case 'broken':
      return `repair it: ironcage doctor --fix; or take its work out first: ironcage salvage ${cage} -o DIR`;
    default:
      throw new Error(`no such verdict: ${String(verdict satisfies never)}`);
  }
}

async function lastOf(context: Context, id: string): Promise<RunEvent[]> {
  const last: RunEvent[] = [];
  for await (const event of followRun(context, id, { once: true })) {
    last.push(event.kind === 'event' ? { ...event, event: shortened(event.event) } : event);
    if (last.length > LAST_EVENTS) last.shift();
  }
  return last;
}

const KEPT_CHARACTERS = 2_000;

/** A tool may have told megabytes. */
function shortened(event: AgentEvent): AgentEvent {
  switch (event.type) {
    case 'tool-result':
      return { ...event, output: event.output.slice(0, KEPT_CHARACTERS) };
    case 'text':
    case 'thinking':
    case 'notice':
      return { ...event, text: event.text.slice(0, KEPT_CHARACTERS) };
    case 'unknown':
      return { ...event, raw: event.raw.slice(0, KEPT_CHARACTERS) };
    case 'session':
    case 'tool-call':
    case 'usage':
    case 'done':
      return event;
    default:
      throw new Error(`no such event: ${String(event satisfies never)}`);
  }
}

async function unreadOf(context: Context, cage: string): Promise<{ seq: number; type: string; time: string }[]> {
  const unread = [];
  for await (const { seq, type, time } of readMessages(context, cage)) unread.push({ seq, type, time });
  return unread;
}
