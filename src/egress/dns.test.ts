import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerQuery } from './dns.ts';

const RUNS = 10_000;

function query(
  labels: readonly string[],
  type = 1,
  more: Partial<{ flags: number; counts: number[]; tail: Buffer; class: number }> = {},
) {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0xbeef, 0);
  header.writeUInt16BE(more.flags ?? 0x0100, 2);
  for (const [index, count] of (more.counts ?? [1, 0, 0, 0]).entries()) header.writeUInt16BE(count, 4 + index * 2);
  const name = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  const end = Buffer.from([0, 0, type, 0, more.class ?? 1]);
  return Buffer.concat([header, ...name, end, more.tail ?? Buffer.alloc(0)]);
}

const asked: string[] = [];
const lookedUp: string[] = [];
function answer(packet: Buffer) {
  asked.length = 0;
  lookedUp.length = 0;
  const bytes = answerQuery(packet, {
    addressOf(name) {
      asked.push(name);
      return '198.18.0.7';
    },
    asked: (name, type) => void lookedUp.push(`${name} ${type}`),
  });
  if (bytes === undefined) return undefined;
  return {
    id: bytes.readUInt16BE(0),
    isResponse: (bytes.readUInt16BE(2) & 0x8000) !== 0,
    rcode: bytes.readUInt16BE(2) & 0xf,
    answers: bytes.readUInt16BE(6),
    address: bytes.readUInt16BE(6) === 1 ? addressIn(bytes) : undefined,
    bytes,
  };
}

/** Behind the question: a pointer to its name, type, class, lifetime, length. */
function addressIn(bytes: Buffer): string {
  let at = 12;
  while ((bytes[at] ?? 0) !== 0) at += 1 + (bytes[at] ?? 0);
  return [...bytes.subarray(at + 5 + 12, at + 5 + 16)].join('.');
}

test('an A query gets the address of the normalised name', () => {
  expect(answer(query(['Www', 'Example', 'com']))).toMatchObject({
    id: 0xbeef,
    isResponse: true,
    rcode: 0,
    address: '198.18.0.7',
  });
  expect(asked).toEqual(['www.example.com']);
});

test('localhost is loopback and takes no place in the table', () => {
  expect(answer(query(['localhost']))?.address).toBe('127.0.0.1');
  expect(asked).toEqual([]);
});

test.each([
  ['AAAA', 28],
  ['MX', 15],
  ['TXT', 16],
  ['HTTPS', 65],
  ['ANY', 255],
])('%s has no data', (_, type) => {
  expect(answer(query(['example', 'com'], type))).toMatchObject({ rcode: 0, answers: 0 });
});

const EDNS = Buffer.from([0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0]);
const COOKIE = Buffer.concat([EDNS.subarray(0, 9), Buffer.from([0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])]);

test.each([
  ['EDNS', EDNS],
  ['EDNS with a cookie', COOKIE],
])('%s is answered with EDNS that carries nothing', (_, tail) => {
  const result = answer(query(['example', 'com'], 1, { counts: [1, 0, 0, 1], tail }));
  expect(result).toMatchObject({ rcode: 0, answers: 1, address: '198.18.0.7' });
  expect(result?.bytes.readUInt16BE(10)).toBe(1);
  expect([...(result?.bytes.subarray(-11) ?? [])]).toEqual([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
});

test.each([
  ['bytes behind the question', [1, 0, 0, 0], Buffer.from([0])],
  ['an additional record that is not there', [1, 0, 0, 1], Buffer.alloc(0)],
  ['an additional record of another type', [1, 0, 0, 1], Buffer.from([0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0])],
  ['EDNS under a name', [1, 0, 0, 1], Buffer.concat([Buffer.from([1, 97]), EDNS])],
  ['EDNS twice', [1, 0, 0, 2], Buffer.concat([EDNS, EDNS])],
  ['EDNS that is longer than the packet', [1, 0, 0, 1], COOKIE.subarray(0, -1)],
  ['bytes behind EDNS', [1, 0, 0, 1], Buffer.concat([EDNS, EDNS])],
])('%s is a format error', (_, counts, tail) => {
  expect(answer(query(['example', 'com'], 1, { counts, tail }))).toMatchObject({ rcode: 1, answers: 0 });
  expect(asked).toEqual([]);
});

test('the question comes back with the case that it was asked in', () => {
  const packet = query(['eXaMpLe', 'CoM']);
  const result = answer(packet);
  expect(result?.bytes.subarray(12, packet.length)).toEqual(packet.subarray(12));
  expect(asked).toEqual(['example.com']);
});

test('another class than that of the Internet is refused', () => {
  expect(answer(query(['version', 'bind'], 16, { class: 3 }))?.rcode).toBe(5);
  expect(lookedUp).toEqual([]);
});

test.each([
  ['A', 1],
  ['AAAA', 28],
  ['TYPE99', 99],
])('a name that is asked for its %s is told by that type', (type, number) => {
  answer(query(['Example', 'com'], number));
  expect(lookedUp).toEqual([`example.com ${type}`]);
});

test('a name of 255 bytes on the wire is read, one of 256 is a format error', () => {
  const long = Array<string>(3).fill('a'.repeat(63));
  expect(answer(query([...long, 'b'.repeat(61)]))?.rcode).toBe(0);
  expect(answer(query([...long, 'b'.repeat(62)]))?.rcode).toBe(1);
});

test.each([
  ['an underscore', ['_dns', 'example']],
  ['a label that holds a dot', ['a.b', 'example']],
  ['an address literal', ['1', '2', '3', '4']],
  ['a leading hyphen', ['-a', 'example']],
  ['the root', []],
])('%s does not exist', (_, labels) => {
  expect(answer(query(labels))?.rcode).toBe(3);
  expect(asked).toEqual([]);
});

test('two questions, no question or an answer in the query are format errors', () => {
  expect(answer(query(['a'], 1, { counts: [2, 0, 0, 0] }))?.rcode).toBe(1);
  expect(answer(query(['a'], 1, { counts: [0, 0, 0, 0] }))?.rcode).toBe(1);
  expect(answer(query(['a'], 1, { counts: [1, 1, 0, 0] }))?.rcode).toBe(1);
});

test('a compression pointer is a format error, not a loop', () => {
  const packet = Buffer.concat([query([]).subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  expect(answer(packet)?.rcode).toBe(1);
});

test('responses and scraps are not answered; other operations are not implemented', () => {
  expect(answer(query(['a'], 1, { flags: 0x8180 }))).toBeUndefined();
  expect(answer(Buffer.alloc(11))).toBeUndefined();
  expect(answer(query(['a'], 1, { flags: 0x2800 }))?.rcode).toBe(4);
});

test('no packet makes it throw, and every answer is a short response to the same id', () => {
  const noise = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(noise, fc.boolean(), (bytes, keepHeader) => {
      checkAnswer(keepHeader ? Buffer.concat([query([]).subarray(0, 12), bytes]) : Buffer.from(bytes));
    }),
    { numRuns: RUNS },
  );
});

test('a good query with a few bytes changed is answered for a name that stands in it, or not at all', () => {
  const good = query(['www', 'example', 'com'], 1, { counts: [1, 0, 0, 1], tail: COOKIE });
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(good.length), (changes, length) => {
      const packet = Buffer.from(good);
      for (const [at, byte] of changes) packet[at] = byte;
      checkAnswer(packet);
      checkAnswer(packet.subarray(0, length));
    }),
    { numRuns: RUNS },
  );
});

function checkAnswer(packet: Buffer): void {
  const result = answer(packet);
  if (result === undefined) return;
  if (!result.isResponse || result.id !== packet.readUInt16BE(0) || result.bytes.length > packet.length + 16) {
    throw new Error(`no answer to ${packet.toString('hex')}: ${result.bytes.toString('hex')}`);
  }
  const labels = packet.toString('latin1').toLowerCase();
  for (const name of asked) for (const label of name.split('.')) expect(labels).toContain(label);
}
