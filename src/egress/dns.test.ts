import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerQuery } from './dns.ts';

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
function answer(packet: Buffer) {
  asked.length = 0;
  const bytes = answerQuery(packet, (name) => {
    asked.push(name);
    return '198.18.0.7';
  });
  if (bytes === undefined) return undefined;
  return {
    id: bytes.readUInt16BE(0),
    isResponse: (bytes.readUInt16BE(2) & 0x8000) !== 0,
    rcode: bytes.readUInt16BE(2) & 0xf,
    answers: bytes.readUInt16BE(6),
    address: bytes.readUInt16BE(6) === 1 ? [...bytes.subarray(-4)].join('.') : undefined,
    bytes,
  };
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

test('EDNS is left out of the answer', () => {
  const edns = Buffer.from([0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
  const result = answer(query(['example', 'com'], 1, { counts: [1, 0, 0, 1], tail: edns }));
  expect(result).toMatchObject({ rcode: 0, answers: 1 });
  expect(result?.bytes.readUInt16BE(10)).toBe(0);
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

test('no packet makes it throw, and every answer is a response to the same id', () => {
  const noise = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(noise, fc.boolean(), (bytes, keepHeader) => {
      const packet = keepHeader ? Buffer.concat([query([]).subarray(0, 12), bytes]) : Buffer.from(bytes);
      const result = answer(packet);
      if (result === undefined) return;
      expect(result.isResponse).toBe(true);
      expect(result.id).toBe(packet.readUInt16BE(0));
      expect(result.bytes.length).toBeLessThanOrEqual(packet.length + 16);
    }),
  );
});
