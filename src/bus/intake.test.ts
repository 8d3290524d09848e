import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { takeIn } from './intake.ts';
import { readJournal, type JournalEntry } from './journal.ts';
import { openLedger } from './ledger.ts';
import { journalFile, type Mailbox } from './mailbox.ts';

let root: string;
let mailbox: Mailbox;
let laterMs: number;
let nowMs: number | undefined;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-bus-'));
  laterMs = 0;
  nowMs = undefined;
  const clock = { now: () => nowMs ?? Date.now() + laterMs };
  mailbox = { cage: 'shop', bus: join(root, 'bus'), messages: join(root, 'messages'), owner: undefined, clock };
  mkdirSync(join(root, 'bus/outbox'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const outbox = (...names: string[]): string => join(mailbox.bus, 'outbox', ...names);
const text = (id: string, more: Record<string, unknown> = {}): string =>
  JSON.stringify({ version: 1, id, type: 'progress_update', payload: { status: id }, ...more });
const put = (name: string, contents: string): void => writeFileSync(outbox(name), contents);

async function journal(): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of readJournal(journalFile(mailbox), { inode: 0, offset: 0 })) entries.push(entry);
  return entries;
}
async function take(limits?: { filesPerMinute: number; bytesPerMinute: number }): Promise<JournalEntry[]> {
  await takeIn(mailbox, openLedger(mailbox), limits);
  return journal();
}
const idsOf = (entries: readonly JournalEntry[]): string[] =>
  entries.filter(({ from }) => from === 'cage').map(({ id }) => id);
const notesOf = (entries: readonly JournalEntry[]): unknown[] =>
  entries.filter(({ type }) => type === 'note').map(({ payload }) => payload['text']);

describe('the intake', () => {
  test('takes messages in the order of their names, and gives numbers and times of its own', async () => {
    put('000000000002-b.json', text('b', { seq: 1, time: '1999-01-01T00:00:00Z', from: 'host', untrusted: false }));
    put('000000000001-a.json', text('a', { seq: 99, timestamp: 'in a while', replyTo: 'q', run: 'r-1' }));
    const entries = await take();
    expect(entries).toEqual([
      expect.objectContaining({ seq: 1, id: 'a', from: 'cage', replyTo: 'q', run: 'r-1' }),
      expect.objectContaining({ seq: 2, id: 'b', from: 'cage', sentAt: '1999-01-01T00:00:00.000Z' }),
    ]);
    expect(Math.abs(Date.parse(entries[1]?.time ?? '') - Date.now())).toBeLessThan(60_000);
    expect(entries[1]).not.toHaveProperty('untrusted');
    expect(readdirSync(outbox())).toEqual([]);
  });

  test('takes two messages of one millisecond, and one id once, whatever its file is called', async () => {
    const now = new Date(1_800_000_000_000);
    for (const name of ['a', 'b']) {
      put(`${name}.json`, text(name, { time: now.toISOString() }));
      utimesSync(outbox(`${name}.json`), now, now);
    }
    expect(idsOf(await take())).toEqual(['a', 'b']);
    put('c.json', text('a', { payload: { status: 'another' } }));
    const again = await take();
    expect(idsOf(again)).toEqual(['a', 'b']);
    expect(notesOf(again)).toEqual([expect.stringContaining('c.json: there was a message a before')]);
  });

  test('leaves a half-written file until it is whole, and drops it with a note once nobody writes any more', async () => {
    put('a.json', text('a').slice(0, 20));
    nowMs = statSync(outbox('a.json')).ctimeMs;
    expect(await take()).toEqual([]);
    put('a.json', text('a'));
    expect(idsOf(await take())).toEqual(['a']);
    put('b.json', text('b').slice(0, 20));
    nowMs = statSync(outbox('b.json')).ctimeMs + 10_000;
    expect(notesOf(await take())).toEqual([expect.stringContaining('b.json: it is no JSON')]);
    expect(readdirSync(outbox())).toEqual([]);
  });

  test('neither follows, waits for, nor reads what is no message of a fair size', async () => {
    const secret = join(root, 'secret.json');
    writeFileSync(secret, text('stolen'));
    symlinkSync(secret, outbox('link.json'));
    execFileSync('mkfifo', [outbox('pipe.json')]);
    mkdirSync(outbox('directory.json'));
    put('huge.json', '');
    truncateSync(outbox('huge.json'), 2 ** 40);
    put('deep.json', `{"version":1,"id":"d","type":"error","payload":${'['.repeat(400_000)}${']'.repeat(400_000)}}`);
    put('deep-object.json', text('o', { payload: { status: 's', more: JSON.parse('['.repeat(99) + ']'.repeat(99)) } }));
    put('forged.json', text('f', { type: 'exited', payload: { reason: 'over' } }));
    put('proto.json', text('p', { type: '__proto__' }));
    put('array.json', '[]');
    put('.hidden.json', text('hidden'));
    put('not a message', text('x'));
    put('good.json', text('good'));
    const entries = await take();
    expect(idsOf(entries)).toEqual(['good']);
    const notes = notesOf(entries).join('\n');
    expect(notes).toContain('and 4 more');
    expect(notes).toContain('not a message');
    expect(readdirSync(outbox()).sort()).toEqual(['.hidden.json', 'directory.json', 'not a message']);
    expect(readFileSync(secret, 'utf8')).toBe(text('stolen'));
    // What stays is told once.
    expect(await take()).toHaveLength(entries.length);
  });

  test('takes nothing from what stands in the place of the outbox', async () => {
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'a.json'), text('a'));
    rmSync(outbox(), { recursive: true });
    symlinkSync(elsewhere, outbox());
    expect(await take()).toEqual([]);
    expect(readdirSync(elsewhere)).toEqual(['a.json']);
    rmSync(outbox());
    writeFileSync(outbox(), text('a'));
    expect(await take()).toEqual([]);
  });

  test('takes so many in a minute, and lets the rest wait for the next with one note', async () => {
    for (let index = 0; index < 60; index++) put(`${String(index).padStart(5, '0')}.json`, text(`m${index}`));
    const limits = { filesPerMinute: 50, bytesPerMinute: 1e9 };
    const first = await take(limits);
    expect(idsOf(first)).toHaveLength(50);
    expect(notesOf(first)).toEqual([expect.stringContaining('more messages than are taken in a minute')]);
    expect(notesOf(await take(limits))).toHaveLength(1);
    laterMs = 61_000;
    expect(idsOf(await take({ filesPerMinute: 50, bytesPerMinute: 1 }))).toHaveLength(51);
    expect(idsOf(await take())).toHaveLength(60);
    const entries = await journal();
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
  });

  test('tells a few times a minute of what stays, however often its names change', async () => {
    for (let look = 0; look < 30; look++) {
      for (const name of readdirSync(outbox())) rmSync(outbox(name));
      put(`no message ${look}`, '');
      await take();
    }
    expect(notesOf(await journal())).toHaveLength(10);
    laterMs = 61_000;
    expect(notesOf(await take())).toHaveLength(11);
  });

  test('reads no more at a look of files that nobody finishes than of messages', async () => {
    nowMs = Date.now();
    for (let index = 0; index < 10; index++) {
      const name = `0-${index}.json`;
      put(name, '');
      truncateSync(outbox(name), 1024 * 1024);
    }
    put('1.json', text('behind'));
    expect(await take()).toEqual([]);
    nowMs += 10_000;
    expect(idsOf(await take())).toEqual(['behind']);
  });

  test('waits for nobody who holds a lease on a file', async () => {
    put('leased.json', text('leased'));
    put('other.json', text('other'));
    const lease = `$SIG{IO} = 'IGNORE'; open(F, '+<', $ARGV[0]); fcntl(F, 1024, 1) or die; $| = 1; print "held"; <STDIN>`;
    const holder = spawn('perl', ['-e', lease, outbox('leased.json')], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      const entries = await take();
      expect(idsOf(entries)).toEqual(['other']);
      expect(notesOf(entries)).toEqual([expect.stringContaining('leased.json: somebody inside holds a lease on it')]);
    } finally {
      holder.stdin.end();
      await once(holder, 'exit');
    }
  });

  test('goes on behind what a crash left of the journal, and after one that came before the files were gone', async () => {
    put('a.json', text('a'));
    await take();
    appendFileSync(journalFile(mailbox), '{"seq":2,"id":"half');
    put('a.json', text('a'));
    put('b.json', text('b'));
    const entries = await take();
    expect(entries.map(({ seq, id }) => [seq, id])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(readdirSync(outbox())).toEqual([]);
  });

  test('stands whatever bytes and names there are', async () => {
    const name = fc.string({ maxLength: 40 }).map((raw) => `${raw.replace(/[/\0]/g, '_')}.json`);
    const contents = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((json) => Buffer.from(json)),
    );
    laterMs = 10_000;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, contents, { maxKeys: 5 }), async (files) => {
        for (const [file, bytes] of Object.entries(files)) writeFileSync(outbox(file), bytes);
        const entries = await take();
        expect(entries.every(({ from }) => from === 'host')).toBe(true);
        for (const left of readdirSync(outbox())) {
          expect(/^[A-Za-z0-9][A-Za-z0-9._:-]*\.json$/.test(left)).toBe(false);
          rmSync(outbox(left));
        }
      }),
      { numRuns: 40 },
    );
  });
});
