import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { EMPTY_CHAIN, sealRecord } from '../audit/record-line.ts';
import type { AuditEntry, AuditRecord } from '../audit/record.ts';
import { checkLines, createChain, type EvidenceCheck } from './chain.ts';
import type { TimedEntry } from './entry.ts';

const AUDIT: AuditEntry = {
  ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'example.com', port: 443, path: '/ä"\u0085' },
  ...{ decision: 'deny', rule: '<default-deny>', inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
};

function auditRecords(count: number): AuditRecord[] {
  const records: AuditRecord[] = [];
  let head = EMPTY_CHAIN;
  for (let index = 0; index < count; index += 1) {
    const { record } = sealRecord(AUDIT, { cage: 'shop', time: index, head });
    records.push(record);
    head = { seq: record.seq, hash: record.hash };
  }
  return records;
}

function entries(network: readonly AuditRecord[]): TimedEntry[] {
  const middle: TimedEntry[] = [
    { kind: 'prompt', run: 'r', timeMs: 1, data: { text: 'do it' } },
    { kind: 'agent', run: 'r', timeMs: 2, data: { type: 'text', text: 'done\u009b31m' } },
    ...network.map((data): TimedEntry => ({ kind: 'network', timeMs: 3, data })),
  ];
  const audit = { ok: true, records: 9, head: '', reason: '' };
  const head = { format: 1 as const, ironcage: '0', cage: 'shop', runs: ['r'], from: '', to: '', audit, streams: {} };
  return [
    { kind: 'evidence', timeMs: 0, data: head },
    ...middle,
    { kind: 'seal', timeMs: 9, data: { records: middle.length + 2 } },
  ];
}

function lines(network = auditRecords(3), redact = (json: string): string => json): string[] {
  const chain = createChain(redact);
  return entries(network).map((entry) => chain.line(entry));
}

const check = (text: readonly string[]): Promise<EvidenceCheck> => checkLines(Readable.from(text));

test('what was written is in order, and says what it is evidence of', async () => {
  expect(await check(lines())).toMatchObject({ ok: true, records: 7, auditRecords: 3, cage: 'shop', runs: ['r'] });
});

test('nothing in a line steers a terminal', () => {
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  expect(lines().join('')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

const edits: [string, (text: string[]) => string[], number, RegExp][] = [
  ['a changed line', (text) => text.with(2, text[2]?.replace('done', 'gone') ?? ''), 3, /it was changed/],
  ['a line taken out', (text) => text.toSpliced(2, 1), 3, /lines are missing/],
  ['two lines in another order', (text) => text.with(1, text[2] ?? '').with(2, text[1] ?? ''), 2, /lines are missing/],
  ['a line twice', (text) => text.toSpliced(2, 0, text[1] ?? ''), 3, /3 was expected/],
  ['the end cut off', (text) => text.slice(0, -1), 6, /the end is missing/],
  ['something behind the end', (text) => [...text, text[0] ?? ''], 8, /behind the end/],
  ['another beginning', (text) => text.slice(1), 1, /1 was expected/],
  ['nothing', () => [], 0, /empty/],
  ['what is no JSON', (text) => text.with(0, 'x'), 1, /does not end with a hash/],
];
test.each(edits)('%s is found', async (_what, edit, line, reason) => {
  expect(await check(edit(lines()))).toMatchObject({ ok: false, line, reason: expect.stringMatching(reason) });
});

test('a chain made anew over traffic that was changed, or has a gap, is found by the hashes of the audit', async () => {
  const [first, second, third] = auditRecords(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error('three were made');
  expect(await check(lines([first, { ...second, host: 'evil.example' }, third]))).toMatchObject({
    reason: expect.stringContaining('it was changed'),
  });
  expect(await check(lines([first, third]))).toMatchObject({
    reason: expect.stringContaining('does not follow the one before'),
  });
});

test('a value is taken out before the hash is taken; a line that would be no JSON without it is left out whole', async () => {
  const redacted = lines(auditRecords(1), (json) => json.replaceAll('do it', '[secret KEY]'));
  expect(redacted.join('')).not.toContain('do it');
  expect(await check(redacted)).toMatchObject({ ok: true });
  const broken = lines(auditRecords(1), (json) => json.replaceAll('"text":"do it"', '[secret KEY]'));
  expect(broken[1]).toContain('"redacted":true');
  expect(await check(broken)).toMatchObject({ ok: true });
});
