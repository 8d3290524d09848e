import { expect, test } from 'vitest';
import { mergeEnds } from './merge.ts';
import type { AuditRecord } from './record.ts';
import { summarise } from './summary.ts';

const record = (seq: number, parts: Partial<AuditRecord> = {}): AuditRecord => ({
  seq,
  time: '2026-01-02T03:04:05.678Z',
  cage: 'demo',
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
  prev: '0'.repeat(64),
  hash: '0'.repeat(64),
  ...parts,
});
const denied = { host: 'b.test', decision: 'deny', rule: '<default-deny>' } as const;
const end = (of: number): Partial<AuditRecord> => ({ end: { of, status: 200, outcome: 'complete', detail: '' } });

async function merged(records: readonly AuditRecord[]): Promise<AuditRecord[]> {
  const all: AuditRecord[] = [];
  for await (const one of mergeEnds(records)) all.push(one);
  return all;
}

test('an end record fills in the decision it closes and is not listed by itself', async () => {
  const records = [record(1), record(2, denied), record(3, { bytesOut: 3, bytesIn: 5, ...end(1) }), record(4, end(77))];
  expect((await merged(records)).map((one) => [one.seq, one.bytesOut, one.bytesIn, one.end?.status])).toEqual([
    [1, 3, 5, 200],
    [2, 0, 0, undefined],
  ]);
});

test('decisions stay in order however their ends come, and those without an end are kept', async () => {
  const records = [record(1), record(2), record(3), record(4, end(3)), record(5, end(1)), record(6)];
  expect((await merged(records)).map((one) => one.seq)).toEqual([1, 2, 3, 6]);
});

test('a request that was allowed and then refused is refused by the rule that stopped it', async () => {
  const records = [record(1), record(2, { decision: 'deny', rule: '<address>', ...end(1) })];
  expect(await merged(records)).toMatchObject([{ seq: 1, decision: 'deny', rule: '<address>' }]);
});

test('what was found in a body stands in the merged record', async () => {
  const note = { name: 'secret-shape', action: 'note', reason: 'the body holds what looks like a credential' } as const;
  expect(await merged([record(1), record(2, { inspectors: [note], ...end(1) })])).toMatchObject([
    { inspectors: [note] },
  ]);
});

test('what is complete is given on before the log ends', async () => {
  let consumed = 0;
  function* source(): Generator<AuditRecord> {
    for (const one of [record(1, denied), record(2), record(3, end(2)), record(4)]) {
      consumed++;
      yield one;
    }
  }
  const records = mergeEnds(source());
  expect((await records.next()).value).toMatchObject({ seq: 1 });
  expect(consumed).toBe(1);
  expect((await records.next()).value).toMatchObject({ seq: 2, end: { of: 2 } });
  expect(consumed).toBe(3);
});

test('a summary counts decisions by host and by rule, merged or not', async () => {
  const control = { protocol: 'control', host: '', rule: '<recovered>' } as const;
  const name = { protocol: 'dns', method: 'A' } as const;
  const closed = { bytesOut: 3, bytesIn: 5, ...end(1), secrets: ['KEY'] };
  const requests = [
    record(1, { secrets: ['KEY'] }),
    record(2, denied),
    record(3, { host: 'b.test' }),
    record(4, closed),
  ];
  const records = [...requests, record(5, control), record(6, name)];
  const one = { allow: 1, deny: 0, ask: 0, bytesOut: 3, bytesIn: 5 };
  const expected = {
    total: 3,
    decisions: { allow: 2, deny: 1, ask: 0 },
    ...{ bytesOut: 3, bytesIn: 5 },
    hosts: [
      { host: 'b.test', allow: 1, deny: 1, ask: 0, bytesOut: 0, bytesIn: 0, secrets: [] },
      { host: 'example.com', ...one, secrets: ['KEY'] },
    ],
    rules: [
      { rule: 'allow:example.com', ...one, allow: 2 },
      { rule: '<default-deny>', allow: 0, deny: 1, ask: 0, bytesOut: 0, bytesIn: 0 },
    ],
    secrets: [{ secret: 'KEY', requests: 1, hosts: ['example.com'] }],
  };
  expect(await summarise(records)).toEqual(expected);
  expect(await summarise(mergeEnds(records))).toEqual(expected);
});

test('what an egress left open when it died is given on when the next one starts', async () => {
  const start = { protocol: 'control', rule: '<egress>', path: 'start, generation 1' } as const;
  const given: number[] = [];
  function* source(): Generator<AuditRecord> {
    for (const one of [record(1), record(2, start), record(3, denied)]) {
      given.push(one.seq);
      yield one;
    }
  }
  const merging = mergeEnds(source());
  expect((await merging.next()).value).toMatchObject({ seq: 1 });
  expect((await merging.next()).value).toMatchObject({ seq: 2 });
  expect(given).toEqual([1, 2]);
});

test('an exchange that never ends does not hold back a whole log', async () => {
  let consumed = 0;
  function* source(): Generator<AuditRecord> {
    for (consumed = 1; consumed <= 50_000; consumed += 1) yield record(consumed, consumed === 1 ? {} : denied);
  }
  const merging = mergeEnds(source());
  expect((await merging.next()).value).toMatchObject({ seq: 1 });
  expect(consumed).toBeLessThan(25_000);
  let last = 1;
  for await (const { seq } of merging) expect(seq).toBe(++last);
  expect(last).toBe(50_000);
});

test('a name that was looked up has no end and holds back nothing', async () => {
  const given: number[] = [];
  function* source(): Generator<AuditRecord> {
    for (const one of [record(1, { protocol: 'dns', method: 'A' }), record(2, denied)]) {
      given.push(one.seq);
      yield one;
    }
  }
  expect((await mergeEnds(source()).next()).value).toMatchObject({ seq: 1, protocol: 'dns' });
  expect(given).toEqual([1]);
});

test('a question has no end of its own and holds back nothing that comes after it', async () => {
  const asked = record(1, { decision: 'ask', rule: '<ask>' });
  const given: number[] = [];
  function* source(): Generator<AuditRecord> {
    for (const one of [asked, record(2, denied), record(3)]) {
      given.push(one.seq);
      yield one;
    }
  }
  const merging = mergeEnds(source());
  expect((await merging.next()).value).toMatchObject({ seq: 1, decision: 'ask' });
  expect(given).toEqual([1]);
  expect((await merging.next()).value).toMatchObject({ seq: 2, decision: 'deny' });
  expect(given).toEqual([1, 2]);
});
