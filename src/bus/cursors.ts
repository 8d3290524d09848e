// How far each reader of a cage's messages has come. A reader has a name; whoever reads under another one misses nothing by it.
import { join } from 'node:path';
import { IronError } from '../platform/errors.ts';
import { makeDirectory, namesIn, readTextIfPresent, writeFileAtomic } from '../platform/files.ts';
import { parseJson } from '../platform/json.ts';
import { withMailLock, type Mailbox } from './mailbox.ts';

export const DEFAULT_CONSUMER = 'default';
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** The last message that was read; 0 where there is none. Throws E_USAGE for a name that none can have, E_STATE_BROKEN. */
export function readCursor(mailbox: Mailbox, consumer: string): number {
  const file = cursorFile(mailbox, consumer);
  const text = readTextIfPresent(file);
  if (text === undefined) return 0;
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && 'seq' in value && typeof value.seq === 'number') return value.seq;
  throw new IronError('E_STATE_BROKEN', {
    message: `how far ${consumer} has read the messages of ${mailbox.cage} cannot be read: ${file}`,
    hint: 'remove the file: then all messages count as new to it',
    details: { file },
  });
}

/** Never back: of two that read at once under one name the further one counts. */
export async function moveCursor(mailbox: Mailbox, consumer: string, seq: number): Promise<void> {
  const file = cursorFile(mailbox, consumer);
  if (readCursor(mailbox, consumer) >= seq) return;
  await withMailLock(mailbox, async () => {
    if (readCursor(mailbox, consumer) >= seq) return;
    makeDirectory(join(mailbox.messages, 'cursors'));
    writeFileAtomic(file, `${JSON.stringify({ seq })}\n`);
  });
}

/** What every reader has read; 0 where there is none. */
export function readByAll(mailbox: Mailbox): number {
  const consumers = namesIn(join(mailbox.messages, 'cursors')).flatMap(
    (name) => /^([^.]+)\.json$/.exec(name)?.[1] ?? [],
  );
  return consumers.length === 0 ? 0 : Math.min(...consumers.map((consumer) => readCursor(mailbox, consumer)));
}

function cursorFile(mailbox: Mailbox, consumer: string): string {
  if (NAME.test(consumer)) return join(mailbox.messages, 'cursors', `${consumer}.json`);
  throw new IronError('E_USAGE', {
    message: `a consumer cannot be called ${JSON.stringify(consumer)}`,
    hint: 'letters, digits, - and _, at most 64 of them',
  });
}
