import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FIRST_CHECKPOINT, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { LogDirectory } from './log-directory.ts';
import type { LogFile } from './log-file.ts';
import { GENESIS_HASH } from './record-line.ts';
import type { AuditEntry, AuditRecord } from './record.ts';
import { readAudit } from './read.ts';
import { verifyChain } from './verify.ts';
import { AUDIT_LIMITS, createAuditWriter, openAuditWriter } from './writer.ts';

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
const entry: AuditEntry = {
  direction: 'outbound',
  protocol: 'http',
  method: 'GET',
  host: 'example.com',
  port: 443,
  path: '/',
  decision: 'allow',
  rule: 'allow:example.com',
  inspectors: [],
  bytesOut: 0,
  bytesIn: 0,
  secrets: [],
};

let directory: string;
let log: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ironcage-audit-'));
  log = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A file in memory whose appends can be made to fail after some bytes. */
function memoryFile(): LogFile & { content: Buffer; bytesLeft: number; appends: number; canTruncate: boolean } {
  return {
    content: Buffer.alloc(0),
    bytesLeft: Number.POSITIVE_INFINITY,
    appends: 0,
    canTruncate: true,
    size() {
      return Promise.resolve(this.content.length);
    },
    read(position, length) {
      return Promise.resolve(this.content.subarray(position, position + length));
    },
    append(data) {
      this.appends++;
      const written = data.subarray(0, Math.min(data.length, this.bytesLeft));
      this.content = Buffer.concat([this.content, written]);
      this.bytesLeft -= written.length;
      if (written.length === data.length) return Promise.resolve();
      return Promise.reject(
        Object.assign(new Error('ENOSPC: no space left, write'), { code: 'ENOSPC', syscall: 'write' }),
      );
    },
    truncate(size) {
      if (!this.canTruncate) return Promise.reject(new Error('EIO'));
      this.content = this.content.subarray(0, size);
      return Promise.resolve();
    },
    sync() {
      return Promise.resolve();
    },
    close() {
      return Promise.resolve();
    },
  };
}

/** A log that has no other file, and whose checkpoint is in memory. */
function memoryLog(file: LogFile): LogDirectory {
  let kept: Checkpoint = FIRST_CHECKPOINT;
  return {
    openNewest: () => Promise.resolve(file),
    older: () => [],
    openOlder: () => Promise.reject(new Error('there is none')),
    setAside: () => undefined,
    removeOlder: () => undefined,
    readCheckpoint: () => kept,
    async writeCheckpoint(checkpoint) {
      kept = checkpoint;
    },
    release: () => undefined,
  };
}

async function verifyContent(content: Buffer): ReturnType<typeof verifyChain> {
  writeFileSync(log, content);
  await writeCheckpoint(directory, FIRST_CHECKPOINT, { synced: false });
  return verifyChain(directory);
}

test('a record is in the file by the time its append resolves', async () => {
  const writer = await openAuditWriter(directory, 'demo', clock);
  const record = await writer.append(entry);
  const line: unknown = JSON.parse(readFileSync(log, 'utf8'));
  expect(line).toEqual(record);
  expect(record).toMatchObject({ seq: 1, time: '2026-01-02T03:04:05.678Z', cage: 'demo', prev: GENESIS_HASH });
  expect(statSync(log).mode & 0o777).toBe(0o600);
  await writer.close();
});

test('records of one turn keep their order and share one write', async () => {
  const file = memoryFile();
  const writer = await createAuditWriter(memoryLog(file), 'demo', clock, AUDIT_LIMITS);
  const records = await Promise.all([1, 2, 3, 4].map((port) => writer.append({ ...entry, port })));
  expect(records.map((record) => [record.seq, record.port])).toEqual([1, 2, 3, 4].map((n) => [n, n]));
  expect(file.appends).toBe(1);
  expect(await verifyContent(file.content)).toMatchObject({ ok: true, records: 4, head: records[3]?.hash });
});

test('the chain goes on after a restart', async () => {
  for (const port of [1, 2]) {
    const writer = await openAuditWriter(directory, 'demo', clock);
    await writer.append({ ...entry, port });
    await writer.close();
  }
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 2 });
});

test('a full disk rejects the whole batch, leaves no half line, and appends work again once there is space', async () => {
  const file = memoryFile();
  const writer = await createAuditWriter(memoryLog(file), 'demo', clock, AUDIT_LIMITS);
  await writer.append(entry);
  const before = file.content.length;
  file.bytesLeft = 500;
  const batch = await Promise.allSettled([writer.append(entry), writer.append(entry)]);
  expect(batch.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  expect(file.content.length).toBe(before);
  await expect(writer.append(entry)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  file.bytesLeft = Number.POSITIVE_INFINITY;
  expect(await writer.append(entry)).toMatchObject({ seq: 2 });
  expect(await verifyContent(file.content)).toMatchObject({ ok: true, records: 2 });
});

test('nothing is appended behind a half line that cannot be cut off', async () => {
  const file = memoryFile();
  const writer = await createAuditWriter(memoryLog(file), 'demo', clock, AUDIT_LIMITS);
  file.bytesLeft = 10;
  file.canTruncate = false;
  await expect(writer.append(entry)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  file.bytesLeft = Number.POSITIVE_INFINITY;
  await expect(writer.append(entry)).rejects.toThrow();
  expect(file.content.length).toBe(10);
  file.canTruncate = true;
  expect(await writer.append(entry)).toMatchObject({ seq: 1 });
  expect(await verifyContent(file.content)).toMatchObject({ ok: true, records: 1 });
});

test('a log cut at any byte is repaired, noted and continued', async () => {
  const file = memoryFile();
  const first = await createAuditWriter(memoryLog(file), 'demo', clock, AUDIT_LIMITS);
  await Promise.all([first.append(entry), first.append({ ...entry, path: '/ü\u2028"' })]);
  const whole = file.content;
  for (let size = 0; size <= whole.length; size++) {
    const torn = memoryFile();
    torn.content = whole.subarray(0, size);
    const writer = await createAuditWriter(memoryLog(torn), 'demo', clock, AUDIT_LIMITS);
    await writer.append(entry);
    const lines = torn.content.toString().trimEnd().split('\n');
    const wholeLines = whole.subarray(0, size).toString().split('\n').length - 1;
    const isTorn = size > 0 && whole[size - 1] !== 0x0a;
    expect(lines.length).toBe(wholeLines + (isTorn ? 1 : 0) + 1);
    expect(lines.filter((line) => line.includes('"<recovered>"')).length).toBe(isTorn ? 1 : 0);
  }
  await verifyContent(whole);
  truncateSync(log, whole.length - 3);
  const writer = await openAuditWriter(directory, 'demo', clock);
  await writer.close();
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 2 });
});

test('a changed last line is not continued', async () => {
  const writer = await openAuditWriter(directory, 'demo', clock);
  await writer.append(entry);
  await writer.close();
  writeFileSync(log, readFileSync(log, 'utf8').replace('"allow"', '"deny"'));
  await expect(openAuditWriter(directory, 'demo', clock)).rejects.toMatchObject({ code: 'E_STATE_BROKEN' });
});

test('a last line without bound is not read whole', async () => {
  writeFileSync(log, 'x'.repeat(2 * 1024 * 1024));
  await expect(openAuditWriter(directory, 'demo', clock)).rejects.toMatchObject({ code: 'E_STATE_BROKEN' });
});

test('a link in place of the log is refused', async () => {
  writeFileSync(join(directory, 'elsewhere'), '');
  symlinkSync(join(directory, 'elsewhere'), log);
  await expect(openAuditWriter(directory, 'demo', clock)).rejects.toMatchObject({ code: 'E_IO' });
});

test('a record that would be too long is written cut, and the chain goes on over it', async () => {
  const writer = await openAuditWriter(directory, 'demo', clock);
  const [, long] = await Promise.all([
    writer.append(entry),
    writer.append({ ...entry, path: 'x'.repeat(600_000) }),
    writer.append(entry),
  ]);
  await writer.close();
  expect(long?.path).toMatch(/^x+…\(600000 characters\)$/);
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 3 });
});

test('close writes what is queued, and appends after it are rejected', async () => {
  const writer = await openAuditWriter(directory, 'demo', clock);
  const queued = writer.append(entry);
  await Promise.all([writer.close(), writer.close()]);
  expect(await queued).toMatchObject({ seq: 1 });
  await expect(writer.append(entry)).rejects.toMatchObject({ code: 'E_EGRESS' });
});

test('what was written is what is read', async () => {
  const writer = await openAuditWriter(directory, 'demo', clock);
  const end = { of: 1, status: 200, outcome: 'complete', detail: '' } as const;
  const written = await Promise.all([writer.append(entry), writer.append({ ...entry, bytesIn: 7, end })]);
  await writer.close();
  const read: AuditRecord[] = [];
  for await (const record of readAudit(directory)) read.push(record);
  expect(read).toEqual(written);
});
