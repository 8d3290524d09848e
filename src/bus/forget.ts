// Lets go of messages that every reader has read, so that a journal does not grow for ever. Only when asked to.
import { randomUUID } from 'node:crypto';
import type { Context } from '../cage/context.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { readByAll } from './cursors.ts';
import { readJournal, type JournalEntry } from './journal.ts';
import { journalFile, mailboxOf, withMailLock } from './mailbox.ts';
import { deliveredSeq } from './send.ts';

/** Returns how many went. What somebody has not read, and what is not in the inbox yet, stays. */
export async function forgetMessages(context: Context, cage: string): Promise<number> {
  const mailbox = await mailboxOf(context, cage);
  return withMailLock(mailbox, async () => {
    const read = readByAll(mailbox);
    const delivered = deliveredSeq(mailbox);
    const kept: JournalEntry[] = [];
    let [gone, last] = [0, 0];
    for await (const entry of readJournal(journalFile(mailbox), { inode: 0, offset: 0 })) {
      last = entry.seq;
      if (entry.seq > read || (entry.from === 'user' && entry.seq > delivered)) kept.push(entry);
      else gone += 1;
    }
    if (gone === 0) return 0;
    // Also carries the count on, where nothing else is left.
    kept.push({
      ...{ seq: last + 1, id: `note-${randomUUID()}`, from: 'host', type: 'note' },
      ...{ time: new Date(mailbox.clock.now()).toISOString() },
      payload: { text: `${gone} messages up to #${read} were read, and let go of` },
    });
    writeFileAtomic(journalFile(mailbox), kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    return gone;
  });
}
