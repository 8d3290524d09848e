// Records over more than one file: what is kept, what is read, and what a check says about it.
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCheckpoint } from './checkpoint.ts';
import { logDirectory, type LogDirectory } from './log-directory.ts';
import { followAudit, readAudit } from './read.ts';
import type { AuditEntry } from './record.ts';
import { verifyChain } from './verify.ts';
import { AUDIT_LIMITS, createAuditWriter, openAuditWriter, type AuditWriter } from './writer.ts';

const clock = { now: () => Date.UTC(2026, 0, 2) };
/** Three records of about 400 bytes a file. */
const LIMITS = { ...AUDIT_LIMITS, maxFileBytes: 1400, keptFiles: 3 };
const entry: AuditEntry = {
  ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'a.example', port: 443, path: '/' },
  ...{ decision: 'allow', rule: 'r', inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
};

let directory: string;
let writer: AuditWriter;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-audit-'));
  writer = await openAuditWriter(directory, 'demo', clock, LIMITS);
});
afterEach(async () => {
  await writer.close();
  rmSync(directory, { recursive: true });
});

/** One after the other: records that are written together stand in one file. */
async function write(count: number, to = writer): Promise<void> {
  for (let index = 0; index < count; index += 1) await to.append(entry);
}

const logs = (): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();

async function seqs(): Promise<number[]> {
  const found: number[] = [];
  for await (const { seq } of readAudit(directory)) found.push(seq);
  return found;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('the chain goes on over files that are named for their first record', async () => {
  await write(8);
  expect(logs()).toEqual(['audit.0000000000000001.jsonl', 'audit.0000000000000004.jsonl', 'audit.jsonl']);
  expect(await seqs()).toEqual(upTo(8));
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 8, firstSeq: 1 });
});

test('the oldest files go, and a check says where the log begins instead of calling it cut', async () => {
  await write(20);
  await writer.close();
  expect(logs()).toHaveLength(4);
  const [first = 0] = await seqs();
  expect(first).toBe(10);
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 11, firstSeq: 10, checkpoint: 20 });
});

test('a writer goes on wherever a kill fell in the middle of a rotation', async () => {
  await write(7);
  await writer.close();
  // Set aside, and no next one yet.
  renameSync(join(directory, 'audit.jsonl'), join(directory, 'audit.0000000000000007.jsonl'));
  expect(await seqs()).toEqual(upTo(7));
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 7 });
  // The next one is there, and empty but for a torn line.
  for (const begin of ['', '{"seq":8,"ti']) {
    const before = (await seqs()).length;
    writeFileSync(join(directory, 'audit.jsonl'), begin);
    const next = await openAuditWriter(directory, 'demo', clock, LIMITS);
    await write(1, next);
    await next.close();
    expect(await seqs()).toEqual(upTo(before + (begin === '' ? 1 : 2)));
    renameSync(join(directory, 'audit.jsonl'), join(directory, `audit.${String(before + 1).padStart(16, '0')}.jsonl`));
  }
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 10 });
});

test('a file that a removal was killed before is no fault', async () => {
  await write(12);
  await writer.close();
  const name = join(directory, 'audit.0000000000000004.jsonl');
  const copy = join(directory, 'copy');
  copyFileSync(name, copy);
  writer = await openAuditWriter(directory, 'demo', clock, { ...LIMITS, keptFiles: 2 });
  await write(3);
  await writer.close();
  expect(await verifyChain(directory)).toMatchObject({ ok: true, firstSeq: 7, records: 9 });
  renameSync(copy, name);
  expect(await verifyChain(directory)).toMatchObject({ ok: true, firstSeq: 4, records: 12 });
});

test.each<[string, () => void, object]>([
  ['the oldest', () => rmSync(join(directory, 'audit.0000000000000001.jsonl')), { kind: 'missing', seq: 1 }],
  ['one in the middle', () => rmSync(join(directory, 'audit.0000000000000004.jsonl')), { kind: 'missing', seq: 4 }],
  ['the newest', () => rmSync(join(directory, 'audit.jsonl')), { kind: 'cut', seq: 7 }],
  ['the checkpoint', () => rmSync(join(directory, 'audit.checkpoint')), { kind: 'checkpoint' }],
  ['all records', () => logs().map((name) => rmSync(join(directory, name))), { kind: 'cut', seq: 1 }],
])('%s taken away is found', async (_, take, fault) => {
  await write(8);
  await writer.close();
  expect(await verifyChain(directory)).toMatchObject({ ok: true });
  take();
  expect(await verifyChain(directory)).toMatchObject({ ok: false, ...fault });
});

test('swapped records, cut older files and files under other names are found', async () => {
  await write(8);
  await writer.close();
  const middle = join(directory, 'audit.0000000000000004.jsonl');
  const text = readFileSync(middle, 'utf8');
  const [a = '', b = '', c = ''] = text.trimEnd().split('\n');
  writeFileSync(middle, `${[b, a, c].join('\n')}\n`);
  expect(await verifyChain(directory)).toMatchObject({
    kind: 'order',
    file: 'audit.0000000000000004.jsonl',
    line: 1,
    seq: 4,
  });
  writeFileSync(middle, text);
  truncateSync(middle, text.length - 5);
  expect(await verifyChain(directory)).toMatchObject({ kind: 'torn', line: 3 });
  await expect(seqs()).rejects.toMatchObject({ details: { file: 'audit.0000000000000004.jsonl', line: 3 } });
  writeFileSync(middle, text);
  renameSync(middle, join(directory, 'audit.0000000000000005.jsonl'));
  expect(await verifyChain(directory)).toMatchObject({ kind: 'order', line: 1, seq: 4 });
});

test('a log whose last records were cut off is not continued', async () => {
  await write(2);
  await writer.close();
  const log = join(directory, 'audit.jsonl');
  const text = readFileSync(log, 'utf8');
  writeFileSync(log, text.slice(0, text.indexOf('\n') + 1));
  expect(await verifyChain(directory)).toMatchObject({ ok: false, kind: 'cut', seq: 2 });
  await expect(openAuditWriter(directory, 'demo', clock)).rejects.toMatchObject({ code: 'E_STATE_BROKEN' });
});

test('a writer that dies at any step of a rotation loses no record that it acknowledged', async () => {
  await writer.close();
  for (let steps = 0; steps < 40; steps += 1) {
    const place = mkdtempSync(join(directory, 'mortal-'));
    const life = { left: steps };
    const dying = await createAuditWriter(
      mortal(
        logDirectory(place, () => undefined),
        life,
      ),
      'demo',
      clock,
      {
        ...LIMITS,
        keptFiles: 2,
      },
    ).catch(() => undefined);
    let acknowledged = 0;
    for (let index = 0; index < 20; index += 1) {
      acknowledged = (await dying?.append(entry).catch(() => undefined))?.seq ?? acknowledged;
    }
    await dying?.close();
    const next = await openAuditWriter(place, 'demo', clock, LIMITS);
    const { seq } = await next.append(entry);
    await next.close();
    expect(seq).toBeGreaterThan(acknowledged);
    expect(await verifyChain(place)).toMatchObject({ ok: true, checkpoint: seq });
  }
});

/** A log of which no step is done any more once there were so many. */
function mortal(log: LogDirectory, life: { left: number }): LogDirectory {
  const step = (): void => {
    life.left -= 1;
    if (life.left < 0) throw new Error('killed');
  };
  return {
    ...log,
    async openNewest() {
      step();
      return log.openNewest();
    },
    setAside(firstSeq) {
      step();
      log.setAside(firstSeq);
    },
    removeOlder(name) {
      step();
      log.removeOlder(name);
    },
    async writeCheckpoint(checkpoint, options) {
      step();
      return log.writeCheckpoint(checkpoint, options);
    },
  };
}

test.each(['', 'x', '{"seq":1}\n', '9'.repeat(5000)])(
  'with the checkpoint %j a check says no, and a writer goes on and notes it',
  async (text) => {
    await write(1);
    await writer.close();
    writeFileSync(join(directory, 'audit.checkpoint'), text);
    expect(await verifyChain(directory)).toMatchObject({ ok: false, kind: 'checkpoint', file: 'audit.checkpoint' });
    writer = await openAuditWriter(directory, 'demo', clock);
    await writer.close();
    expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 2 });
    expect(readFileSync(join(directory, 'audit.jsonl'), 'utf8')).toContain('"<recovered>"');
  },
);

test('a checkpoint is written after so many records, and when the time is up', async () => {
  await writer.close();
  writer = await openAuditWriter(directory, 'demo', clock, { ...AUDIT_LIMITS, checkpointRecords: 3 });
  await write(2);
  expect(readCheckpoint(directory)).toMatchObject({ seq: 0 });
  await write(1);
  await expect.poll(() => readCheckpoint(directory)).toMatchObject({ seq: 3 });
  await writer.close();
  writer = await openAuditWriter(directory, 'demo', clock, { ...AUDIT_LIMITS, checkpointMs: 1 });
  await write(1);
  await expect.poll(() => readCheckpoint(directory)).toMatchObject({ seq: 4 });
});

test('two writers never write one log, and one that died without a word is followed by the next', async () => {
  const second = openAuditWriter(directory, 'demo', clock);
  await write(1);
  await writer.close();
  writer = await second;
  await write(1);
  await writer.close();
  // What a killed writer leaves behind: a name that nobody listens at.
  writeFileSync(join(directory, 'audit.lock'), '');
  writer = await openAuditWriter(directory, 'demo', clock);
  await write(1);
  await writer.close();
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 3 });
  expect(readdirSync(directory).filter((name) => name.startsWith('audit.lock'))).toEqual([]);
});

test('following goes on over rotations, and over a reader that comes late', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const { seq } of followFrom(stop)) {
    seen.push(seq);
    if (seq % 5 === 0 && seq < 9) await write(5);
    if (seq === 9) stop.abort();
  }
  expect(seen).toEqual(upTo(9));
});

async function* followFrom(stop: AbortController) {
  await write(5);
  yield* followAudit(directory, stop.signal);
}

test('reading while files are set aside and removed loses nothing in between', async () => {
  const writing = write(200);
  for (let round = 0; round < 20; round += 1) {
    const found = await seqs();
    const first = found[0] ?? 1;
    expect(found).toEqual(upTo(first + found.length - 1, first));
    expect(await verifyChain(directory)).toMatchObject({ ok: true });
  }
  await writing;
});
