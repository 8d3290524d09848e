import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { faultsOf, MESSAGE_TYPES, typesFrom } from '../guest/message-types.mjs';
import { readByAll, readCursor, moveCursor } from './cursors.ts';
import { readEnvelope } from './envelope.ts';
import { putIntoInbox } from './inbox-directory.ts';
import { appendJournal, readJournal } from './journal.ts';
import { journalFile, type Mailbox } from './mailbox.ts';
import { outcomeOf, payloadOfText } from './message.ts';

let root: string;
let mailbox: Mailbox;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ironcage-bus-'));
  const clock = { now: () => Date.now() };
  mailbox = { cage: 'shop', bus: join(root, 'bus'), messages: join(root, 'messages'), owner: undefined, clock };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const ENTRY = {
  seq: 7,
  id: 'h-1',
  from: 'user',
  type: 'answer',
  time: '2026-01-01T00:00:00.000Z',
  payload: { text: 'a' },
} as const;

test('every type takes its own example, from its own sender, and neither less nor another kind', () => {
  for (const [type, { from, required, example }] of Object.entries(MESSAGE_TYPES)) {
    expect(faultsOf(from, type, example), type).toEqual([]);
    for (const name of Object.keys(required)) {
      expect(faultsOf(from, type, { ...example, [name]: undefined }), `${type}.${name}`).not.toEqual([]);
      expect(faultsOf(from, type, { ...example, [name]: [{}] }), `${type}.${name}`).not.toEqual([]);
    }
    for (const other of (['cage', 'user', 'host'] as const).filter((sender) => sender !== from)) {
      expect(faultsOf(other, type, example), `${type} by ${other}`).not.toEqual([]);
    }
  }
});

test('the host takes in exactly what the programs inside let pass', () => {
  const payload = fc.dictionary(fc.constantFrom('summary', 'exit_code', 'text', 'options', 'more'), fc.jsonValue());
  fc.assert(
    fc.property(fc.constantFrom(...typesFrom('cage'), 'exited', 'toString'), payload, (type, value) => {
      const read = readEnvelope(Buffer.from(JSON.stringify({ version: 1, id: 'm', type, payload: value })));
      expect(read.ok).toBe(faultsOf('cage', type, JSON.parse(JSON.stringify(value))).length === 0);
    }),
  );
});

test('the end of a poll is what the agent says, never what passes for it', () => {
  const outcomes = Object.entries(MESSAGE_TYPES).map(([type, { from, example }]) => [
    type,
    outcomeOf({ type, from, payload: example }),
  ]);
  expect(Object.fromEntries(outcomes.filter(([, code]) => code !== undefined))).toEqual({
    ...{ task_complete: 0, question: 11, info_request: 11, going_idle: 12 },
  });
  expect(outcomeOf({ type: 'task_complete', from: 'cage', payload: { exit_code: 3 } })).toBe(10);
  expect(outcomeOf({ type: 'question', from: 'user', payload: {} })).toBeUndefined();
  const idle = { type: 'going_idle', from: 'cage', payload: {} } as const;
  const ofRuns = [idle, { ...idle, run: 'r-1' }, { ...idle, run: 'r-2' }].map((message) => outcomeOf(message, 'r-1'));
  expect(ofRuns).toEqual([12, 12, undefined]);
});

test('plain text goes where a type wants it, and a JSON object is the payload', () => {
  expect(payloadOfText('answer', 'yes\n')).toEqual({ text: 'yes' });
  expect(payloadOfText('task_revision', '{"instructions":"x"}')).toEqual({ instructions: 'x' });
  expect(payloadOfText('nonsense', 'x')).toEqual({});
});

test('a message in the inbox is whole, and never lands where the cage has laid a link', async () => {
  await putIntoInbox(mailbox, ENTRY);
  const inbox = join(mailbox.bus, 'inbox');
  expect(readdirSync(inbox)).toEqual(['000000000007-h-1.json']);
  expect(JSON.parse(readFileSync(join(inbox, '000000000007-h-1.json'), 'utf8'))).toEqual({
    ...{ version: 1, id: 'h-1', seq: 7, type: 'answer', time: ENTRY.time, payload: { text: 'a' } },
  });
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere);
  rmSync(inbox, { recursive: true });
  symlinkSync(elsewhere, inbox);
  await expect(putIntoInbox(mailbox, ENTRY)).rejects.toMatchObject({ code: 'E_PROTECTION' });
  expect(readdirSync(elsewhere)).toEqual([]);
  rmSync(inbox);
  mkdirSync(inbox);
  const target = join(root, 'target');
  writeFileSync(target, 'mine');
  symlinkSync(target, join(inbox, '000000000007-h-1.json'));
  await putIntoInbox(mailbox, ENTRY);
  expect(readFileSync(target, 'utf8')).toBe('mine');
});

test('each reader has a place of its own, which never goes back', async () => {
  await moveCursor(mailbox, 'default', 5);
  await moveCursor(mailbox, 'default', 3);
  await moveCursor(mailbox, 'other', 2);
  expect([readCursor(mailbox, 'default'), readCursor(mailbox, 'other'), readCursor(mailbox, 'new')]).toEqual([5, 2, 0]);
  expect(readByAll(mailbox)).toBe(2);
  expect(() => readCursor(mailbox, '../x')).toThrow(/cannot be called/);
  writeFileSync(join(mailbox.messages, 'cursors/other.json'), 'x');
  expect(() => readCursor(mailbox, 'other')).toThrow(/cannot be read/);
});

test('a journal is read on from where it was left, in whatever pieces it was written', async () => {
  mkdirSync(mailbox.messages);
  const position = { inode: 0, offset: 0 };
  const seen: number[] = [];
  const readOn = async (): Promise<void> => {
    for await (const { seq } of readJournal(journalFile(mailbox), position)) seen.push(seq);
  };
  await readOn();
  appendJournal(journalFile(mailbox), [{ ...ENTRY, seq: 1, payload: { text: 'x'.repeat(600_000) } }]);
  await readOn();
  appendJournal(
    journalFile(mailbox),
    [2, 3].map((seq) => ({ ...ENTRY, seq })),
  );
  await readOn();
  expect(seen).toEqual([1, 2, 3]);
});
