import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkChain, type ChainFault, type FaultKind } from './chain-check.ts';
import { FIRST_CHECKPOINT, type Checkpoint } from './checkpoint.ts';
import { EMPTY_CHAIN, sealRecord, type ChainHead } from './record-line.ts';
import type { AuditEntry } from './record.ts';

const FILE = 'audit.jsonl';
const RUNS = 10_000;

const entry: AuditEntry = {
  ...{ direction: 'outbound', protocol: 'http', method: 'GET', host: 'a.example', port: 443, path: '/' },
  ...{ decision: 'allow', rule: 'r', inspectors: [], bytesOut: 0, bytesIn: 0, secrets: [] },
};

function chain(count: number, begin: ChainHead = EMPTY_CHAIN): { lines: string[]; heads: ChainHead[] } {
  const lines: string[] = [];
  const heads: ChainHead[] = [];
  let head = begin;
  for (let index = 0; index < count; index += 1) {
    const { record, line } = sealRecord({ ...entry, bytesIn: index }, { cage: 'demo', time: index, head });
    head = { seq: record.seq, hash: record.hash };
    lines.push(line.trimEnd());
    heads.push(head);
  }
  return { lines, heads };
}

function check(lines: readonly string[], checkpoint: Checkpoint, isLastWhole = true): ChainFault | undefined {
  const checking = checkChain(checkpoint);
  const [, digits] = /^\{"seq":(\d+),/.exec(lines[0] ?? '') ?? [];
  for (const [index, text] of lines.entries()) {
    const isWhole = isLastWhole || index < lines.length - 1;
    const fault = checking.next({ file: FILE, number: index + 1, fileFirstSeq: Number(digits), text, isWhole });
    if (fault !== undefined) return fault;
  }
  return checking.end(FILE);
}

const { lines, heads } = chain(5);
const last = heads[4] ?? EMPTY_CHAIN;
const CHECKPOINT = { ...FIRST_CHECKPOINT, ...last };

test('a whole chain has no fault', () => {
  expect(check(lines, CHECKPOINT)).toBeUndefined();
  expect(check(lines, FIRST_CHECKPOINT)).toBeUndefined();
  expect(check(lines, { ...FIRST_CHECKPOINT, ...(heads[2] ?? last) })).toBeUndefined();
});

test('a chain whose first records were rotated away begins where its checkpoint says, or before', () => {
  const [, second] = heads;
  const kept: Checkpoint = { ...last, firstSeq: 3, firstPrev: second?.hash ?? '' };
  expect(check(lines.slice(2), kept)).toBeUndefined();
  expect(check(lines, kept)).toBeUndefined();
  expect(check(lines.slice(3), kept)).toMatchObject({ kind: 'missing', seq: 3 });
  expect(check(lines.slice(2), { ...kept, firstPrev: 'f'.repeat(64) })).toMatchObject({ kind: 'changed', seq: 3 });
});

const other = chain(5, { seq: 0, hash: 'e'.repeat(64) }).lines;

test.each<[string, readonly string[], FaultKind, number, number]>([
  ['the first line taken', lines.slice(1), 'missing', 1, 1],
  ['a line in the middle taken', lines.toSpliced(2, 1), 'missing', 3, 3],
  ['the last line taken', lines.slice(0, -1), 'cut', 0, 5],
  ['every line taken', [], 'cut', 0, 1],
  ['a line repeated', lines.toSpliced(2, 0, lines[1] ?? ''), 'repeated', 3, 3],
  ['a line put back behind others', lines.toSpliced(4, 0, lines[0] ?? ''), 'repeated', 5, 5],
  ['a word changed', lines.with(1, lines[1]?.replace('allow', 'deny ') ?? ''), 'changed', 2, 2],
  ['a line of another log', lines.with(3, other[3] ?? ''), 'changed', 4, 4],
  ['another log', other, 'changed', 1, 1],
  ['an empty line', lines.toSpliced(1, 0, ''), 'changed', 2, 2],
])('%s is found and named', (_, changed, kind, line, seq) => {
  expect(check(changed, CHECKPOINT)).toMatchObject({ kind, file: FILE, line, seq });
});

test('a chain made anew from some record on does not fit its checkpoint', () => {
  const anew = [...lines.slice(0, 3)];
  let head = heads[2] ?? last;
  for (const bytesOut of [7, 8]) {
    const { record, line } = sealRecord({ ...entry, bytesOut }, { cage: 'demo', time: 0, head });
    anew.push(line.trimEnd());
    head = record;
  }
  expect(check(anew, FIRST_CHECKPOINT)).toBeUndefined();
  expect(check(anew, CHECKPOINT)).toMatchObject({ kind: 'checkpoint', line: 5, seq: 5 });
});

test('a line without its end is torn', () => {
  expect(check(lines, CHECKPOINT, false)).toMatchObject({ kind: 'torn', line: 5 });
});

type Tampering = { kind: 'byte'; flip: number } | { kind: 'take' | 'repeat' | 'swap' };

function tamper(tampering: Tampering, at: number, place: number): { changed: string[]; line: number } {
  const text = lines[at] ?? '';
  switch (tampering.kind) {
    case 'byte': {
      const bytes = Buffer.from(text);
      const position = place % bytes.length;
      bytes[position] = (bytes[position] ?? 0) ^ tampering.flip;
      // A byte can become the end of a line.
      return { changed: lines.toSpliced(at, 1, ...bytes.toString('latin1').split('\n')), line: at + 1 };
    }
    case 'take':
      return { changed: lines.toSpliced(at, 1), line: at === lines.length - 1 ? 0 : at + 1 };
    case 'repeat':
      return { changed: lines.toSpliced(at, 0, text), line: at + 2 };
    case 'swap': {
      const to = (at + 1 + (place % (lines.length - 1))) % lines.length;
      return { changed: lines.with(at, lines[to] ?? '').with(to, text), line: Math.min(at, to) + 1 };
    }
    default:
      tampering satisfies never;
      throw new Error('an unknown tampering');
  }
}

test('any one byte changed, line taken, repeated or swapped is found at its line', () => {
  const tamperings = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), flip: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constantFrom('take' as const, 'repeat' as const, 'swap' as const) }),
  );
  fc.assert(
    fc.property(tamperings, fc.nat(lines.length - 1), fc.nat(), (tampering, at, place) => {
      const { changed, line } = tamper(tampering, at, place);
      expect(check(changed, CHECKPOINT)).toMatchObject({ ok: false, line });
    }),
    { numRuns: RUNS },
  );
});
