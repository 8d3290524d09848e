// What goes into a cage, and what the host itself has to say: first into the journal, from where it is put into the inbox, so that
// what a crash left undone is done by whoever sends or reads next.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { faultsOf, MAX_MESSAGE_BYTES, MESSAGE_TYPES, typesFrom } from '../guest/message-types.mjs';
import type { Context } from '../cage/context.ts';
import { IronError } from '../platform/errors.ts';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { putIntoInbox } from './inbox-directory.ts';
import { appendJournal, readJournal, type JournalEntry } from './journal.ts';
import { openLedger } from './ledger.ts';
import { journalFile, mailboxOf, withMailLock, type Mailbox } from './mailbox.ts';
import { messageOf, type Message } from './message.ts';

export interface SendOptions {
  /** The id of the message that it answers. */
  replyTo?: string | undefined;
}

/** Sends a message into a cage. Throws E_USAGE for one that is none, E_NO_CAGE, E_PROTECTION. */
export async function sendMessage(
  context: Context,
  cage: string,
  type: string,
  payload: Readonly<Record<string, unknown>>,
  options: SendOptions = {},
): Promise<Message> {
  const mailbox = await mailboxOf(context, cage);
  const answered = options.replyTo === undefined ? undefined : await findMessage(mailbox, options.replyTo);
  const whole = { ...answering(type, answered), ...payload };
  refuseFaulty('user', type, whole);
  const replyTo = answered === undefined ? {} : { replyTo: answered.id };
  return withMailLock(mailbox, async () => {
    const entry = await append(mailbox, { from: 'user', type, ...replyTo, payload: whole });
    await deliver(mailbox);
    return messageOf(entry);
  });
}

/** What the host knows of a run, among the messages of its cage: `heartbeat`, `exited`, `note`. Nobody inside can say these. */
export async function postHostMessage(
  context: Context,
  cage: string,
  type: string,
  payload: Readonly<Record<string, unknown>>,
  options: { run?: string | undefined } = {},
): Promise<Message> {
  const mailbox = await mailboxOf(context, cage);
  refuseFaulty('host', type, payload);
  const run = options.run === undefined ? {} : { run: options.run };
  return withMailLock(mailbox, async () =>
    messageOf(await append(mailbox, { from: 'host', type, ...run, payload: { ...payload } })),
  );
}

/** Puts into the inbox what is in the journal and not there yet. The caller holds the lock. */
async function deliver(mailbox: Mailbox): Promise<void> {
  let delivered = deliveredSeq(mailbox);
  for await (const entry of readJournal(journalFile(mailbox), { inode: 0, offset: 0 })) {
    if (entry.from !== 'user' || entry.seq <= delivered) continue;
    await putIntoInbox(mailbox, entry);
    delivered = entry.seq;
    writeFileAtomic(deliveredFile(mailbox), String(delivered), { synced: false });
  }
}

/** The last message that is in the inbox; 0 where none is. */
export function deliveredSeq(mailbox: Mailbox): number {
  const parsed = parseJson(readTextIfPresent(deliveredFile(mailbox)) ?? '');
  return typeof parsed === 'number' ? parsed : 0;
}

function deliveredFile({ messages }: Mailbox): string {
  return join(messages, 'delivered.json');
}

/** The caller holds the lock. */
async function append(
  mailbox: Mailbox,
  message: Pick<JournalEntry, 'from' | 'type' | 'replyTo' | 'run' | 'payload'>,
): Promise<JournalEntry> {
  const { lastSeq } = await openLedger(mailbox).read();
  const time = new Date(mailbox.clock.now()).toISOString();
  const entry = { seq: lastSeq + 1, id: `h-${randomUUID()}`, time, ...message };
  appendJournal(journalFile(mailbox), [entry]);
  return entry;
}

/** A message by its id or by its number. Throws E_USAGE. */
async function findMessage(mailbox: Mailbox, wanted: string): Promise<JournalEntry> {
  for await (const entry of readJournal(journalFile(mailbox), { inode: 0, offset: 0 })) {
    if (entry.id === wanted || String(entry.seq) === wanted.replace(/^#/, '')) return entry;
  }
  throw new IronError('E_USAGE', {
    message: `no message ${JSON.stringify(wanted)} has come from ${mailbox.cage}`,
    hint: `ironcage outbox ${mailbox.cage} --all --json shows the ids`,
  });
}

/** An answer names what it answers. */
function answering(type: string, answered: JournalEntry | undefined): Record<string, unknown> {
  if (answered === undefined) return {};
  if (type === 'info_response') return { request_id: answered.payload['request_id'] ?? answered.id };
  return type === 'answer' ? { question_id: answered.id } : {};
}

function refuseFaulty(sender: 'user' | 'host', type: string, payload: unknown): void {
  const faults = faultsOf(sender, type, payload);
  if (faults.length === 0 && Buffer.byteLength(JSON.stringify(payload)) > MAX_MESSAGE_BYTES - ENVELOPE_BYTES) {
    faults.push(
      `the payload is larger than ${MAX_MESSAGE_BYTES - ENVELOPE_BYTES} bytes: put it into a file and name that`,
    );
  }
  if (faults.length === 0) return;
  const known = typesFrom(sender).includes(type) ? MESSAGE_TYPES[type] : undefined;
  throw new IronError('E_USAGE', {
    message: known === undefined ? 'this is no message for a cage' : `this is no ${type}: ${known.summary}`,
    because: faults,
    hint:
      known === undefined ? 'ironcage inbox --help shows the types' : `for example: ${JSON.stringify(known.example)}`,
  });
}

/** Room for what stands around a payload. */
const ENVELOPE_BYTES = 1024;
