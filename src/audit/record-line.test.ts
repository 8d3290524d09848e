import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_CHAIN, MAX_LINE_BYTES, readLine, sealRecord } from './record-line.ts';
import { recordJson } from './record-json.ts';
import type { AuditEntry } from './record.ts';

const RUNS = 10_000;
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constant('\ud800"\\\u2028\u0000'),
);
const count = fc.nat();
const note = fc.record({
  name: text,
  action: fc.constantFrom('pass' as const, 'note' as const, 'deny' as const),
  reason: text,
});
const end = fc.record({
  of: count,
  status: count,
  outcome: fc.constantFrom('complete' as const, 'aborted' as const),
  detail: text,
});
const entries: fc.Arbitrary<AuditEntry> = fc.record({
  direction: fc.constant('outbound' as const),
  protocol: fc.constantFrom('http' as const, 'websocket' as const, 'dns' as const, 'tcp' as const, 'control' as const),
  method: text,
  host: text,
  port: count,
  path: text,
  decision: fc.constantFrom('allow' as const, 'deny' as const, 'ask' as const),
  rule: text,
  inspectors: fc.array(note, { maxLength: 3 }),
  bytesOut: count,
  bytesIn: count,
  secrets: fc.array(text, { maxLength: 3 }),
  end: fc.option(end, { nil: undefined }),
});

test('a record is written as JSON.stringify would write it', () => {
  fc.assert(
    fc.property(entries, text, count, (entry, cage, seq) => {
      const place = { seq, cage, time: '2026-01-02T03:04:05.678Z', prev: 'f'.repeat(64) };
      const { inspectors, bytesOut, bytesIn, secrets, end: closes, ...asked } = entry;
      const { direction, protocol, method, host, port, path, decision, rule } = asked;
      const members = {
        ...{ seq, time: place.time, cage, direction, protocol, method, host, port, path, decision, rule },
        ...{ inspectors, bytesOut, bytesIn, secrets, end: closes, prev: place.prev },
      };
      const json = `${recordJson(entry, place)}}`;
      expect(json).toBe(JSON.stringify(members));
      expect(`${recordJson(entry, place)}}`).toBe(json);
    }),
    { numRuns: RUNS },
  );
});

test('what was sealed is read back with its own seq and hash', () => {
  const head = { seq: 41, hash: 'a'.repeat(64) };
  const first = sealRecord(plain(), { cage: 'demo', time: 0, head });
  expect(first.record).toMatchObject({ seq: 42, time: '1970-01-01T00:00:00.000Z', prev: head.hash });
  expect(readLine(first.line.trimEnd())).toEqual({
    ok: true,
    value: JSON.parse(first.line),
    head: { seq: 42, hash: first.record.hash },
    prev: head.hash,
  });
  const later = sealRecord(plain(), { cage: 'demo', time: 1, head: first.record });
  expect(later.record).toMatchObject({ seq: 43, time: '1970-01-01T00:00:00.001Z', prev: first.record.hash });
});

test.each<[string, Partial<AuditEntry>, string]>([
  ['a path', { path: `/${'x'.repeat(20_000)}` }, '…(20001 characters)'],
  ['a path that JSON makes longer', { path: '\u0001'.repeat(4096) }, '…(4096 characters)'],
  ['a path of wide characters', { path: '字'.repeat(6000) }, '…(6000 characters)'],
  ['a name', { host: 'h'.repeat(20_000) }, '…(20000 characters)'],
  ['a great many notes', { inspectors: Array.from({ length: 500 }, () => longNote()) }, 'further notes were left out'],
  ['a great many secrets', { secrets: Array.from({ length: 5000 }, () => 'NAME') }, '…(5000 names)'],
])('%s beyond the bound of a record is cut, and the record says so', (_, parts, sign) => {
  const { line, record } = sealRecord({ ...plain(), ...parts }, { cage: 'demo', time: 0, head: EMPTY_CHAIN });
  expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
  expect(line).toContain(sign);
  expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(record)));
});

test('whatever an entry holds, its record fits its bound and keeps its numbers and decision', () => {
  const long = fc.tuple(text, fc.nat(30_000)).map(([one, times]) => one.repeat(times).slice(0, 40_000));
  const parts = fc.record({ method: long, host: long, path: long, rule: long, inspectors: fc.array(note) });
  fc.assert(
    fc.property(entries, parts, long, (entry, more, detail) => {
      const whole = { ...entry, ...more, ...(entry.end !== undefined && { end: { ...entry.end, detail } }) };
      const { line, record } = sealRecord(whole, { cage: 'demo', time: 0, head: EMPTY_CHAIN });
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE_BYTES);
      expect(record).toMatchObject({ decision: entry.decision, port: entry.port, bytesIn: entry.bytesIn });
      expect(record.end?.of).toBe(entry.end?.of);
    }),
    { numRuns: 1000 },
  );
});

function plain(): AuditEntry {
  return {
    ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'a.example', port: 443, path: '/' },
    ...{ decision: 'allow', rule: 'r', inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
  };
}

function longNote() {
  return { name: 'n', action: 'note' as const, reason: 'r'.repeat(100) };
}
