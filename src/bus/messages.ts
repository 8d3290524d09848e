// The messages of a cage for whoever is outside: read once, or waited for. Reading moves nothing; `acknowledge` does, so that who
// dies over a message finds it again.
import type { Context } from '../cage/context.ts';
import { stateHealth } from '../cage/repair.ts';
import { cageExists, readCageState } from '../cage/store.ts';
import { DEFAULT_CONSUMER, moveCursor, readCursor } from './cursors.ts';
import { takeIn } from './intake.ts';
import { readJournal, type Position } from './journal.ts';
import { openLedger } from './ledger.ts';
import { journalFile, mailboxOf } from './mailbox.ts';
import { messageOf, type Message } from './message.ts';
import { watchMail } from './wake.ts';

export interface ReadOptions {
  /** Whose place counts. Default: `default`. */
  consumer?: string | undefined;
  /** Those that were read before as well, and what was sent into the cage. */
  all?: boolean | undefined;
}

/** What has come out of a cage and was not read yet. Throws E_NO_CAGE. */
export async function* readMessages(
  context: Context,
  cage: string,
  { consumer = DEFAULT_CONSUMER, all = false }: ReadOptions = {},
): AsyncGenerator<Message, void, undefined> {
  const mailbox = await mailboxOf(context, cage);
  const read = readCursor(mailbox, consumer);
  await takeIn(mailbox, openLedger(mailbox));
  for await (const entry of readJournal(journalFile(mailbox), { inode: 0, offset: 0 })) {
    if (all || (entry.from !== 'user' && entry.seq > read)) yield messageOf(entry);
  }
}

/** This message and all before it are read. */
export async function acknowledge(
  context: Context,
  cage: string,
  seq: number,
  { consumer = DEFAULT_CONSUMER }: { consumer?: string | undefined } = {},
): Promise<void> {
  await moveCursor(await mailboxOf(context, cage), consumer, seq);
}

export interface PollOptions {
  consumer?: string | undefined;
  /** Absent: for ever. */
  timeoutMs?: number | undefined;
  /** First pause between two looks, where nothing tells of a change. Default 1000. */
  intervalMs?: number | undefined;
  /** What it grows to while nothing comes. Default 15 000. */
  maxIntervalMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Why nothing more can come, beside the cage's own end. */
  isOver?: (() => Promise<string | undefined>) | undefined;
}

export type PollEvent =
  | { event: 'message'; message: Message }
  | { event: 'timeout' }
  /** Nothing more can come. */
  | { event: 'gone'; reason: string };

const GROWTH = 1.5;

/** Messages that were not read yet, and each new one, until a time, an end of the cage, or `signal`. */
export async function* pollMessages(
  context: Context,
  cage: string,
  options: PollOptions = {},
): AsyncGenerator<PollEvent, void, undefined> {
  const { consumer = DEFAULT_CONSUMER, timeoutMs = Infinity, intervalMs = 1_000, maxIntervalMs = 15_000 } = options;
  const signal = options.signal ?? new AbortController().signal;
  const mailbox = await mailboxOf(context, cage);
  let read = readCursor(mailbox, consumer);
  const position: Position = { inode: 0, offset: 0 };
  const ledger = openLedger(mailbox);
  const end = performance.now() + timeoutMs;
  const waker = watchMail(mailbox);
  try {
    for (let interval = intervalMs; !signal.aborted;) {
      // Looked at first: what was sent before the end is still read.
      const reason = endOf(context, cage) ?? (await options.isOver?.());
      await takeIn(mailbox, ledger);
      let came = false;
      for await (const entry of readJournal(journalFile(mailbox), position)) {
        if (entry.seq <= read || entry.from === 'user') continue;
        came = true;
        read = entry.seq;
        yield { event: 'message', message: messageOf(entry) };
      }
      if (reason !== undefined) {
        yield { event: 'gone', reason };
        return;
      }
      const left = end - performance.now();
      if (left <= 0) {
        yield { event: 'timeout' };
        return;
      }
      interval = came ? intervalMs : Math.min(interval * GROWTH, Math.max(intervalMs, maxIntervalMs));
      await waker.sleep(Math.min(interval, left), signal);
    }
  } finally {
    waker.close();
  }
}

/** Why nothing more can come out of a cage; undefined while something can. */
function endOf(context: Context, cage: string): string | undefined {
  if (!cageExists(context, cage)) return `there is no cage ${cage} any more`;
  const state = readCageState(context, cage);
  if (state.phase === 'creating' || state.phase === 'starting') return undefined;
  const health = stateHealth(state);
  return health === 'running' || health === 'degraded' ? undefined : `the cage ${cage} does not run`;
}
