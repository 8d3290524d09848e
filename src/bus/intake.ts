// Takes messages out of the outbox of a cage into the host's journal: first on disk there, then gone from here, so that a crash in
// between leaves a file whose id is known. What is no message is told in the journal and dropped; what comes too fast waits.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { printableLine } from '../platform/text.ts';
import { readEnvelope } from './envelope.ts';
import { appendJournal, type JournalEntry } from './journal.ts';
import type { Ledger, LedgerReader } from './ledger.ts';
import { journalFile, withMailLock, type Mailbox } from './mailbox.ts';
import { dropOutboxFile, openOutbox, readOutboxFile, type Outbox } from './outbox-directory.ts';

/** A cage may send so much in a minute; the rest waits in its outbox. */
const WINDOW_MS = 60_000;
const LIMITS = { filesPerMinute: 6_000, bytesPerMinute: 64 * 1024 * 1024 };
/** Of the journal. Beyond it messages stay in the outbox until read ones are let go. */
const MAX_JOURNAL_BYTES = 128 * 1024 * 1024;
/** Kept for notes in a journal that is full. */
const NOTES_BYTES = 1024 * 1024;
/** At once: more would keep others from the lock. */
const BATCH_FILES = 500;
const BATCH_BYTES = 8 * 1024 * 1024;
/** A file that is no JSON yet may still be being written for so long after it was last touched. */
const WRITING_MS = 5_000;
/** Notes of what stays in the outbox, in a minute: each other name there would make another one. */
const MAX_NOTES = 10;
/** Named in a note; the others are counted. */
const NAMED = 5;

/** Names that could not be taken out; each is told once. */
const MAX_STUCK = 1_000;

/** What one batch leaves for the next: how much of this minute's share is used, and what was told of that which stays. */
const stateSchema = z.object({
  windowStartMs: z.number(),
  files: z.number(),
  bytes: z.number(),
  notes: z.number(),
  told: z.string(),
  stuck: z.array(z.string()),
});
type IntakeState = z.infer<typeof stateSchema>;

interface Batch {
  added: number;
  more: boolean;
}

/** Everything that waits, batch after batch. Returns how many entries were added to the journal. */
export async function takeIn(mailbox: Mailbox, ledger: LedgerReader, limits = LIMITS): Promise<number> {
  for (let added = 0; ;) {
    const batch = await takeBatch(mailbox, ledger, limits);
    added += batch.added;
    if (!batch.more || batch.added === 0) return added;
  }
}

async function takeBatch(mailbox: Mailbox, reader: LedgerReader, limits: typeof LIMITS): Promise<Batch> {
  // Most looks find nothing, and need no lock.
  const glance = await openOutbox(mailbox.bus);
  if (glance === undefined) return { added: 0, more: false };
  await glance.directory.close();
  if (glance.names.length === 0 && glance.foreign.length === 0) return { added: 0, more: false };
  return withMailLock(mailbox, async () => {
    const outbox = await openOutbox(mailbox.bus);
    if (outbox === undefined) return { added: 0, more: false };
    try {
      return takeLocked(mailbox, outbox, await reader.read(), limits);
    } finally {
      await outbox.directory.close();
    }
  });
}

function takeLocked(mailbox: Mailbox, outbox: Outbox, ledger: Ledger, limits: typeof LIMITS): Batch {
  const nowMs = mailbox.clock.now();
  const state = readState(mailbox, nowMs);
  const share = { files: limits.filesPerMinute - state.files, bytes: limits.bytesPerMinute - state.bytes };
  const stuck = new Set(state.stuck.filter((name) => outbox.names.includes(name)));
  const entries: JournalEntry[] = [];
  const done: string[] = [];
  const refused: string[] = [];
  /** Of this batch: the others are in the ledger. */
  const known = new Map<string, string>();
  const fileOf = (id: string): string | undefined => known.get(id) ?? ledger.files.get(id);
  const add = (entry: Omit<JournalEntry, 'seq' | 'time'>): void => {
    entries.push({ seq: ledger.lastSeq + entries.length + 1, time: new Date(nowMs).toISOString(), ...entry });
  };
  let [bytes, unfinished, unfinishedBytes, held] = [0, 0, 0, ''];
  const names = outbox.names.filter((name) => !stuck.has(name));
  for (const name of names) {
    if (done.length + unfinished >= BATCH_FILES || bytes + unfinishedBytes >= BATCH_BYTES) break;
    held = heldBack({ files: share.files - done.length, bytes: share.bytes - bytes }, ledger.bytes + bytes, stuck.size);
    if (held !== '') break;
    const file = readOutboxFile(outbox, name);
    if (file.kind === 'gone') continue;
    const read = file.kind === 'bytes' ? readEnvelope(file.bytes) : ({ ok: false, half: false, ...file } as const);
    if (!read.ok && read.half && file.kind === 'bytes' && Math.abs(nowMs - file.changedMs) < WRITING_MS) {
      unfinished += 1;
      unfinishedBytes += file.bytes.length;
      continue;
    }
    if (file.kind === 'bytes') bytes += file.bytes.length;
    done.push(name);
    if (!read.ok) refused.push(`${name}: ${read.reason}`);
    else if (fileOf(read.message.id) === undefined) {
      known.set(read.message.id, name);
      add({ ...read.message, file: name, from: 'cage' });
    } else if (fileOf(read.message.id) !== name) {
      // The same file again is what a crash left; any other is a second message by that id.
      refused.push(`${name}: there was a message ${read.message.id} before`);
    }
  }
  if (refused.length > 0) add(noteOf(`no message, and taken out of the outbox: ${listed(refused)}`));
  const foreign =
    outbox.foreign.length === 0 ? '' : `left in the outbox, not named as a message is: ${listed(outbox.foreign)}`;
  const stays = [foreign, held].filter((text) => text !== '').join('; ');
  const isTold =
    stays !== '' && stays !== state.told && state.notes < MAX_NOTES && ledger.bytes < MAX_JOURNAL_BYTES + NOTES_BYTES;
  if (isTold) add(noteOf(stays));
  if (done.length === 0 && entries.length === 0) return { added: 0, more: false };
  appendJournal(journalFile(mailbox), entries);
  for (const name of done) if (!dropOutboxFile(outbox, name)) stuck.add(name);
  const counts = { files: state.files + done.length, bytes: state.bytes + bytes };
  const told = isTold ? { notes: state.notes + 1, told: stays } : stays === '' ? { told: '' } : {};
  writeState(mailbox, { ...state, ...counts, ...told, stuck: [...stuck] });
  return { added: entries.length, more: held === '' && done.length > 0 && done.length + unfinished < names.length };
}

/** Why no more is taken now; empty where it is. */
function heldBack(left: { files: number; bytes: number }, journalBytes: number, stuck: number): string {
  if (stuck >= MAX_STUCK)
    return 'the outbox holds too much that cannot be taken out of it: empty it from inside the cage';
  if (journalBytes > MAX_JOURNAL_BYTES)
    return 'the journal is full, messages wait in the outbox: `ironcage outbox CAGE --forget` lets go of what was read';
  if (left.files <= 0 || left.bytes <= 0)
    return 'more messages than are taken in a minute: the others wait in the outbox';
  return '';
}

function noteOf(text: string): Omit<JournalEntry, 'seq' | 'time'> {
  return { id: `note-${randomUUID()}`, from: 'host', type: 'note', payload: { text } };
}

function listed(lines: readonly string[]): string {
  const named = lines.slice(0, NAMED).map(printableLine).join('; ');
  return lines.length > NAMED ? `${named}; and ${lines.length - NAMED} more` : named;
}

function stateFile(mailbox: Mailbox): string {
  return join(mailbox.messages, 'intake.json');
}

/** Of this minute; what cannot be read is begun anew, and at worst something is told twice. */
function readState(mailbox: Mailbox, nowMs: number): IntakeState {
  const parsed = stateSchema.safeParse(parseJson(readTextIfPresent(stateFile(mailbox)) ?? ''));
  const state = parsed.success
    ? parsed.data
    : { windowStartMs: nowMs, files: 0, bytes: 0, notes: 0, told: '', stuck: [] };
  const age = nowMs - state.windowStartMs;
  return age >= 0 && age < WINDOW_MS ? state : { ...state, windowStartMs: nowMs, files: 0, bytes: 0, notes: 0 };
}

function writeState(mailbox: Mailbox, state: IntakeState): void {
  writeFileAtomic(stateFile(mailbox), JSON.stringify(state), { synced: false });
}
