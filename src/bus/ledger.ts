// What a journal holds, without its messages: enough to number the next one and to know one that was taken in before. Read on from
// where it was left, so that whoever waits for messages for hours reads each line once.
import { journalFile, type Mailbox } from './mailbox.ts';
import { readJournal, type JournalEntry, type Position } from './journal.ts';

export interface Ledger {
  lastSeq: number;
  /** Of messages from inside: the file that each id came as. */
  files: Map<string, string>;
  /** Size of the journal. */
  bytes: number;
}

export interface LedgerReader {
  /** Brings it up to date. */
  read(): Promise<Ledger>;
}

export function openLedger(mailbox: Mailbox): LedgerReader {
  const path = journalFile(mailbox);
  const position: Position = { inode: 0, offset: 0 };
  let ledger: Ledger = { lastSeq: 0, files: new Map(), bytes: 0 };
  let inode = 0;
  return {
    async read() {
      for await (const entry of readJournal(path, position)) {
        if (position.inode !== inode) {
          inode = position.inode;
          ledger = { lastSeq: 0, files: new Map(), bytes: 0 };
        }
        note(ledger, entry);
      }
      ledger.bytes = position.offset;
      return ledger;
    },
  };
}

function note(ledger: Ledger, { seq, from, id, file }: JournalEntry): void {
  ledger.lastSeq = Math.max(ledger.lastSeq, seq);
  if (from === 'cage') ledger.files.set(id, file ?? '');
}
