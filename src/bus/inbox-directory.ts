// Puts messages into the inbox of a cage, each whole or not at all. The directory is the cage's: it may be anything by now, and what
// stands in its place is never followed.
import { randomUUID } from 'node:crypto';
import { chownSync, mkdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { createFileBeneath } from '../platform/beneath.ts';
import { IronError, systemErrorCode } from '../platform/errors.ts';
import { entryOf } from '../platform/open-below.ts';
import type { JournalEntry } from './journal.ts';
import type { Mailbox } from './mailbox.ts';
import { openBusDirectory } from './outbox-directory.ts';

/** Order of names is order of messages. */
function inboxName({ seq, id }: Pick<JournalEntry, 'seq' | 'id'>): string {
  return `${String(seq).padStart(12, '0')}-${id}.json`;
}

export async function putIntoInbox(mailbox: Mailbox, entry: JournalEntry): Promise<void> {
  const { id, seq, type, time, replyTo, payload } = entry;
  const envelope = { version: 1, id, seq, type, time, ...(replyTo !== undefined && { replyTo }), payload };
  const unfinished = `.${randomUUID()}.tmp`;
  openBus(mailbox);
  try {
    createFileBeneath(mailbox.bus, `inbox/${unfinished}`, `${JSON.stringify(envelope)}\n`, 0o600, mailbox.owner);
    const inbox = await openBusDirectory(mailbox.bus, 'inbox');
    if (inbox === undefined) throw notOurs(mailbox);
    try {
      await rename(entryOf(inbox, unfinished), entryOf(inbox, inboxName(entry)));
    } finally {
      await inbox.close();
    }
  } catch (error) {
    if (['ELOOP', 'ENOTDIR', 'ENOENT', 'EISDIR', 'ENOTEMPTY', 'EACCES'].includes(systemErrorCode(error) ?? ''))
      throw notOurs(mailbox, error);
    throw error;
  }
}

/** Of a cage that never ran there is none yet. */
function openBus({ bus, owner }: Mailbox): void {
  try {
    mkdirSync(bus, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return;
    throw error;
  }
  if (owner !== undefined) chownSync(bus, owner.uid, owner.gid);
}

function notOurs({ cage }: Mailbox, cause?: unknown): IronError {
  return new IronError('E_PROTECTION', {
    message: `the inbox of ${cage} is no directory that can be written`,
    because: 'something in the cage has put another thing in its place; nothing was followed or written over',
    hint: `take it away from inside: ironcage exec ${cage} -- rm -rf /ironcage/bus/inbox; the message waits, and goes in with the next one`,
    cause,
  });
}
