import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followAudit, readAudit, type AuditFilter } from './read.ts';
import type { AuditEntry, AuditRecord } from './record.ts';
import { verifyChain } from './verify.ts';
import { openAuditWriter, type AuditWriter } from './writer.ts';

const entry = (parts: Partial<AuditEntry> = {}): AuditEntry => ({
  direction: 'outbound',
  protocol: 'http',
  method: 'GET',
  host: 'example.com',
  port: 443,
  path: '/',
  decision: 'allow',
  rule: 'allow:example.com',
  inspectors: [{ name: 'rules', action: 'pass', reason: 'matches allow:example.com' }],
  bytesOut: 0,
  bytesIn: 0,
  secrets: [],
  ...parts,
});

let now = 1000;
let directory: string;
let log: string;
let writer: AuditWriter;
beforeEach(async () => {
  now = 1000;
  directory = mkdtempSync(join(tmpdir(), 'ironcage-audit-'));
  log = join(directory, 'audit.jsonl');
  writer = await openAuditWriter(directory, 'demo', { now: () => now++ });
});
afterEach(async () => {
  await writer.close();
  rmSync(directory, { recursive: true });
});

async function collect(filter?: AuditFilter): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  for await (const record of readAudit(directory, filter)) records.push(record);
  return records;
}

test('a directory without a log has no records and a valid empty chain', async () => {
  rmSync(log);
  expect(await collect()).toEqual([]);
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 0, firstSeq: 1, head: '0'.repeat(64) });
});

test.each<[AuditFilter, number[]]>([
  [{}, [1, 2, 3]],
  [{ decisions: ['deny'] }, [2]],
  [{ decisions: ['deny', 'allow'] }, [1, 2, 3]],
  [{ hosts: ['*.test'] }, [2, 3]],
  [{ hosts: ['example.com'] }, [1]],
  [{ hosts: ['example.com', 'b.test'] }, [1, 3]],
  [{ hosts: [] }, [1, 2, 3]],
  [{ methods: ['post', 'PUT'] }, [3]],
  [{ methods: ['GET'], hosts: ['*.test'] }, [2]],
  [{ rules: ['allow:example.com'] }, [1, 2]],
  [{ rules: ['allow:*'] }, [1, 2, 3]],
  [{ rules: ['allow:*.test'] }, [3]],
  [{ protocols: ['websocket'] }, [3]],
  [{ until: 1002 }, [1, 2]],
  [{ since: 1001, until: 1002 }, [2]],
  [{ since: 1001 }, [2, 3]],
  [{ since: 1001, decisions: ['allow'] }, [3]],
])('the filter %j leaves the records %j', async (filter, expected) => {
  await writer.append(entry());
  await writer.append(entry({ host: 'a.test', decision: 'deny' }));
  await writer.append(entry({ host: 'b.test', method: 'POST', rule: 'allow:*.test', protocol: 'websocket' }));
  expect((await collect(filter)).map((record) => record.seq)).toEqual(expected);
});

test('a line that is being written is not read, and fails a check of the chain', async () => {
  await writer.append(entry());
  appendFileSync(log, '{"seq":2');
  expect((await collect()).length).toBe(1);
  expect(await verifyChain(directory)).toMatchObject({ ok: false, line: 2 });
});

test.each(['not json', '{}', 'null', '{"seq":1e400}', '[]', ''])(
  'the whole line %j is an error with its number',
  async (text) => {
    await writer.append(entry());
    appendFileSync(log, `${text}\n`);
    await expect(collect()).rejects.toMatchObject({ code: 'E_STATE_BROKEN', details: { line: 2 } });
    expect(await verifyChain(directory)).toMatchObject({ ok: false, line: 2 });
  },
);

test('a line without end is an error and is not kept in memory', async () => {
  writeFileSync(log, 'x'.repeat(3 * 1024 * 1024));
  await expect(collect()).rejects.toMatchObject({ details: { line: 1 } });
  expect(await verifyChain(directory)).toMatchObject({ ok: false, line: 1 });
});

test('lines are found wherever the borders of the read chunks fall', async () => {
  const paths = Array.from({ length: 200 }, (_, index) => `/${'é'.repeat(index * 19)}`);
  await Promise.all(paths.map((path) => writer.append(entry({ path }))));
  expect((await collect()).map((record) => record.path)).toEqual(paths);
  expect(await verifyChain(directory)).toMatchObject({ ok: true, records: 200 });
});

test.each<[string, (lines: string[]) => string[], number]>([
  ['left out', (lines) => lines.toSpliced(1, 1), 2],
  ['swapped', ([a = '', b = '', c = '']) => [a, c, b], 2],
  ['repeated', ([a = '', ...rest]) => [a, a, ...rest], 2],
  ['missing at the start', (lines) => lines.slice(1), 1],
  ['changed', (lines) => lines.map((line) => line.replace('"port":2', '"port":9')), 2],
])('a record that is %s breaks the chain at its line', async (_, change, line) => {
  for (const port of [1, 2, 3]) await writer.append(entry({ port }));
  expect(await verifyChain(directory)).toMatchObject({ ok: true });
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  writeFileSync(log, `${change(lines).join('\n')}\n`);
  expect(await verifyChain(directory)).toMatchObject({ ok: false, line });
});

test('any changed byte of the log breaks the chain', async () => {
  for (const port of [1, 2, 3]) await writer.append(entry({ port }));
  const bytes = readFileSync(log);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (position, flip) => {
      const changed = Buffer.from(bytes);
      changed[position] = (changed[position] ?? 0) ^ flip;
      writeFileSync(log, changed);
      expect((await verifyChain(directory)).ok).toBe(false);
    }),
  );
});

test('following gives what is there and then what comes, until it is stopped', async () => {
  await writer.append(entry({ port: 1 }));
  const stop = new AbortController();
  const ports: number[] = [];
  for await (const record of followAudit(directory, stop.signal)) {
    ports.push(record.port);
    if (record.port < 4) await writer.append(entry({ port: record.port + 1 }));
    else stop.abort();
  }
  expect(ports).toEqual([1, 2, 3, 4]);
});

test('following leaves out what does not fit', async () => {
  for (const port of [1, 2]) await writer.append(entry({ port, decision: port === 1 ? 'allow' : 'deny' }));
  const stop = new AbortController();
  const records = followAudit(directory, stop.signal, { decisions: ['deny'] });
  expect((await records.next()).value).toMatchObject({ port: 2 });
  await records.return(undefined);
});

test('following wakes up for a record that is written while it waits', async () => {
  const stop = new AbortController();
  const records = followAudit(directory, stop.signal);
  const next = records.next();
  await writer.append(entry({ port: 7 }));
  expect((await next).value).toMatchObject({ port: 7 });
  const last = records.next();
  stop.abort();
  expect(await last).toMatchObject({ done: true });
});
