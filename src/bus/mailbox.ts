// Where the messages of one cage lie: what the cage writes and reads itself, where everything is hostile, and what the host keeps
// of it where no cage can reach.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cageIdentity, currentCaller } from '../cage/identity.ts';
import type { Context } from '../cage/context.ts';
import { cagePaths, noSuchCage, readSpec } from '../cage/store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Owner } from '../platform/beneath.ts';
import { systemErrorCode } from '../platform/errors.ts';
import { withLock } from '../platform/locks.ts';

export interface Mailbox {
  cage: string;
  /** Shared with the cage: holds `outbox` and `inbox`. */
  bus: string;
  /** The host's own. */
  messages: string;
  /** Whom the bus and what is put into it belong to; absent: whoever runs this. */
  owner: Owner | undefined;
  clock: Clock;
}

/** Throws E_NO_CAGE. */
export async function mailboxOf(context: Context, cage: string): Promise<Mailbox> {
  const { bus, messages } = cagePaths(context, cage);
  const caller = currentCaller();
  const { uid, gid } = cageIdentity(caller, await readSpec(context, cage));
  return { cage, bus, messages, owner: caller.uid === 0 ? { uid, gid } : undefined, clock: context.clock };
}

export function journalFile({ messages }: Mailbox): string {
  return join(messages, 'journal.jsonl');
}

/** The one who may write the journal and the inbox. */
export async function withMailLock<T>(mailbox: Mailbox, work: () => Promise<T>): Promise<T> {
  openMessages(mailbox);
  return withLock(join(mailbox.messages, '.lock'), { what: `the mail of ${mailbox.cage}` }, work);
}

/** Not its parents: a cage that was removed meanwhile must not come back as an empty one. */
function openMessages({ cage, messages }: Mailbox): void {
  try {
    mkdirSync(messages, { mode: 0o700 });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') throw noSuchCage(cage);
    if (code !== 'EEXIST') throw error;
  }
}
