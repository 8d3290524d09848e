// A run as it is told: what its agent said, event by event, in the order and with the times of the host, up to its end. Memory
// does not grow with the length of a run.
import { createReadStream } from 'node:fs';
import type { AgentEvent, StreamReader } from '../agents/events.ts';
import type { Context } from '../cage/context.ts';
import { readAgent, readerOf } from './agent-stream.ts';
import { splitLines } from './lines.ts';
import { takeUp } from './list-runs.ts';
import { readOutput, type OutputReader } from './output-reader.ts';
import { cageOfRun, isRecorded, requireRun, runPlaces, type RunPlaces } from './run-store.ts';
import { viewOf, type RunInfo } from './run-view.ts';

export type RunEvent =
  /** Text in it stems from inside the cage: make it printable before it reaches a terminal. */
  | { kind: 'event'; time: string; run: string; event: AgentEvent }
  /** A line of the agent's error output; the same holds. */
  | { kind: 'stderr'; time: string; run: string; text: string }
  /** What ironcage has to say of it. */
  | { kind: 'note'; time: string; run: string; text: string }
  | { kind: 'end'; time: string; run: string; record: RunInfo };

export interface FollowOptions {
  signal?: AbortSignal | undefined;
  /** Only what is there now. Default: until the run has ended. */
  once?: boolean | undefined;
}

export interface FollowRunOptions extends FollowOptions {
  /** Of what is there now only the last so many. */
  last?: number | undefined;
}

const LOOK_MS = 60;
/** Between two looks whether somebody still records it. */
const RECORDER_MS = 2_000;

/** Throws E_NO_RUN. The last event is its end, where it has ended. */
export async function* followRun(
  context: Context,
  id: string,
  { last, ...options }: FollowRunOptions = {},
): AsyncGenerator<RunEvent, void, undefined> {
  let kept: RunEvent[] | undefined = last === undefined ? undefined : [];
  for await (const event of eventsOf(context, id, options)) {
    if (event === 'caught-up') {
      if (kept !== undefined) yield* kept;
      kept = undefined;
    } else if (kept === undefined || last === undefined) yield event;
    else {
      kept.push(event);
      if (kept.length > last) kept.shift();
    }
  }
  if (kept !== undefined) yield* kept;
}

/** `caught-up`: what comes after it was not there at the beginning. */
async function* eventsOf(
  context: Context,
  id: string,
  { signal, once = false }: FollowOptions,
): AsyncGenerator<RunEvent | 'caught-up', void, undefined> {
  const cage = cageOfRun(context, id);
  const places = runPlaces(context, cage, id);
  const reader = await readerOf(context, requireRun(places, id).agent);
  const sources = [agentSource(id, places, reader), errorSource(id, places)];
  try {
    let lookedAt = -Infinity;
    for (;;) {
      if (performance.now() - lookedAt > RECORDER_MS && !isRecorded(places)) {
        lookedAt = performance.now();
        await takeUp(context, requireRun(places, id));
      }
      // Before what it has written: what is there by its end is told.
      const record = requireRun(places, id);
      for (let next = earliest(sources); next !== undefined; next = earliest(sources)) {
        for (const event of next.take()) {
          yield event;
          if (signal?.aborted === true) return;
        }
      }
      if (record.status !== 'running') {
        const time = record.endedAt ?? new Date(context.clock.now()).toISOString();
        for (const source of sources) yield* source.rest(time);
        for (const text of record.notes) yield { kind: 'note', time, run: id, text };
        yield { kind: 'end', time, run: id, record: viewOf(record) };
        return;
      }
      if (once || signal?.aborted === true) return;
      yield 'caught-up';
      await new Promise((wake) => setTimeout(wake, LOOK_MS));
    }
  } finally {
    for (const source of sources) source.close();
  }
}

/** What the agent wrote, byte by byte, in pieces. */
export async function* followBytes(
  context: Context,
  id: string,
  { signal, once = false }: FollowOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const places = runPlaces(context, cageOfRun(context, id), id);
  for (let from = 0; ;) {
    await takeUp(context, requireRun(places, id));
    const { status } = requireRun(places, id);
    try {
      for await (const piece of createReadStream(places.output.stream.bytes, { start: from })) {
        if (!Buffer.isBuffer(piece)) continue;
        from += piece.length;
        yield piece;
        if (signal?.aborted === true) return;
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
    if (status !== 'running' || once || signal?.aborted === true) return;
    await new Promise((wake) => setTimeout(wake, LOOK_MS));
  }
}

interface Source {
  /** When what comes next was there; undefined while there is nothing. */
  peek(): number | undefined;
  take(): Iterable<RunEvent>;
  /** What stands behind the last end of a line. */
  rest(time: string): RunEvent[];
  close(): void;
}

function earliest(sources: readonly Source[]): Source | undefined {
  let found: Source | undefined;
  let at = Infinity;
  for (const source of sources) {
    const time = source.peek();
    if (time === undefined || time >= at) continue;
    found = source;
    at = time;
  }
  return found;
}

function agentSource(run: string, { output }: RunPlaces, reader: StreamReader): Source {
  const stream = readAgent(reader);
  const told = (time: string, event: AgentEvent): RunEvent => ({ kind: 'event', time, run, event });
  return sourceOf(
    readOutput(output.stream),
    (piece, time) => stream.push(piece).map((event) => told(time, event)),
    (time) => stream.rest().map((event) => told(time, event)),
  );
}

function errorSource(run: string, { output }: RunPlaces): Source {
  const lines = splitLines(65_536);
  const told = (time: string, text: string): RunEvent => ({ kind: 'stderr', time, run, text });
  return sourceOf(
    readOutput(output.stderr),
    (piece, time) => lines.push(piece).map(({ text }) => told(time, text)),
    (time) => lines.rest().map(({ text }) => told(time, text)),
  );
}

function sourceOf(
  reader: OutputReader,
  push: (piece: Buffer, time: string) => RunEvent[],
  rest: (time: string) => RunEvent[],
): Source {
  let piece: ReturnType<OutputReader['next']>;
  return {
    peek() {
      piece ??= reader.next();
      return piece?.timeMs;
    },
    take() {
      const taken = piece;
      piece = undefined;
      return taken === undefined ? [] : push(taken.bytes, new Date(taken.timeMs).toISOString());
    },
    rest,
    close: () => reader.close(),
  };
}
