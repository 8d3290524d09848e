// The messages of a cage while a run of it goes on: taken out of the cage's reach as they come, with the host's own word on the run among
// them. None of it may hold up the run: what fails is told in the recorder's log and tried again.
import { takeIn } from '../bus/intake.ts';
import { openLedger, type LedgerReader } from '../bus/ledger.ts';
import { mailboxOf, type Mailbox } from '../bus/mailbox.ts';
import { postHostMessage } from '../bus/send.ts';
import type { Context } from '../cage/context.ts';
import { errorMessage } from '../platform/errors.ts';
import type { RunRecord } from './run-record.ts';

const LOOK_MS = 1_000;
/** Who waits for messages hears that a silent run is alive; one that speaks says so itself. */
const HEARTBEAT_MS = 5 * 60_000;

export interface RunMail {
  /** Looks for messages when it is time to; returns at once. */
  turn(record: RunRecord): void;
  /** Says something of the run, behind all that was sent before. Never throws. */
  say(type: 'note' | 'exited', payload: Readonly<Record<string, unknown>>): Promise<void>;
}

export async function openRunMail(context: Context, { cage, id }: RunRecord): Promise<RunMail> {
  const { clock } = context;
  let told = '';
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const text = `messages: ${errorMessage(error)}`;
      if (text !== told) context.progress(text);
      told = text;
    }
  };
  let box: { mailbox: Mailbox; ledger: LedgerReader } | undefined;
  await attempt(async () => {
    const mailbox = await mailboxOf(context, cage);
    box = { mailbox, ledger: openLedger(mailbox) };
  });
  let [lookedAt, heardAt, waiting] = [-Infinity, clock.now(), 0];
  let last = Promise.resolve();
  /** One after the other. */
  const next = (work: () => Promise<void>): Promise<void> => {
    waiting += 1;
    last = last.then(() => attempt(work)).finally(() => (waiting -= 1));
    return last;
  };
  const look = async (): Promise<void> => {
    if (box !== undefined && (await takeIn(box.mailbox, box.ledger)) > 0) heardAt = clock.now();
  };
  const post = async (type: string, payload: Readonly<Record<string, unknown>>): Promise<void> => {
    await postHostMessage(context, cage, type, payload, { run: id });
  };
  return {
    turn(record) {
      const now = clock.now();
      if (waiting > 0 || now - lookedAt < LOOK_MS) return;
      lookedAt = now;
      void next(async () => {
        await look();
        if (now - heardAt < HEARTBEAT_MS) return;
        heardAt = now;
        await post('heartbeat', { status: 'running', detail: standing(record, now) });
      });
    },
    say: (type, payload) =>
      next(async () => {
        // What cannot be taken in does not keep the end from being told.
        await attempt(look);
        await post(type, payload);
      }),
  };
}

function standing({ startedAt, inputTokens, outputTokens, costUsd }: RunRecord, nowMs: number): string {
  const minutes = Math.floor((nowMs - Date.parse(startedAt)) / 60_000);
  const cost = costUsd === null ? '' : `, ${costUsd.toFixed(2)} US dollars`;
  return `for ${minutes} minutes; ${inputTokens + outputTokens} tokens${cost}`;
}
