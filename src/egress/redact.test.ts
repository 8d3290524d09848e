import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedactor } from './redact.ts';

const VALUE = 'sk-real/9f8e7d+6c5b=4a "quoted" ü';
const PLACEHOLDER = 'sk-ironcage-0123456789abcdef';
const redactor = createRedactor(
  [{ name: 'KEY', hosts: ['h'], slots: [{ kind: 'bearer' }], placeholder: PLACEHOLDER }],
  { KEY: VALUE },
);

function through(pieces: readonly Buffer[]): Buffer {
  const stream = redactor.stream();
  return Buffer.concat([...pieces.flatMap((piece) => stream.push(piece)), ...stream.finish()]);
}

const bytes = Buffer.from(VALUE);
const SPELLINGS: readonly [string, Buffer][] = [
  ['plain', bytes],
  ['JSON', Buffer.from(JSON.stringify(VALUE).slice(1, -1))],
  ['JSON with escaped slashes', Buffer.from(JSON.stringify(VALUE).slice(1, -1).replaceAll('/', '\\/'))],
  ['percent', Buffer.from(encodeURIComponent(VALUE))],
  ['a form', Buffer.from(encodeURIComponent(VALUE).replaceAll('%20', '+'))],
  ['hex', Buffer.from(bytes.toString('hex'))],
  ['HTML', Buffer.from(VALUE.replaceAll('"', '&quot;'))],
  ['HTML in decimal', Buffer.from(VALUE.replaceAll('"', '&#34;'))],
  ['HTML in hexadecimal', Buffer.from(VALUE.replaceAll('"', '&#x22;'))],
  ['UTF-16', Buffer.from(VALUE, 'utf16le')],
];

test.each(SPELLINGS)('the %s spelling becomes the placeholder', (_, spelling) => {
  const result = through([Buffer.from('before '), spelling, Buffer.from(' after')]);
  expect(result.toString('latin1')).toBe(`before ${PLACEHOLDER} after`);
});

test.each([0, 1, 2, 3, 4, 5])('base64 gives nothing away when %i bytes stand before the value', (count) => {
  for (const encoding of ['base64', 'base64url'] as const) {
    const text = Buffer.concat([Buffer.alloc(count, 0x41), bytes, Buffer.from('tail')]).toString(encoding);
    const result = through([Buffer.from(text)]).toString('latin1');
    expect(result).toContain(PLACEHOLDER);
    const remains = result.split(PLACEHOLDER).map((part) => Buffer.from(part, encoding).toString('latin1'));
    for (const remain of remains) expect(remain).not.toContain('real');
  }
});

test.each([0, 1, 2, 3, 4])('base32 gives nothing away when %i bytes stand before the value', (count) => {
  const text = base32(Buffer.concat([Buffer.alloc(count, 0x41), bytes, Buffer.from('tail')]));
  for (const spelling of [text, text.toLowerCase()]) {
    const result = through([Buffer.from(spelling)]).toString('latin1');
    expect(result).toContain(PLACEHOLDER);
    expect(result.replace(PLACEHOLDER, '').length).toBeLessThan(spelling.length / 3);
  }
});

/** By RFC 4648, bit by bit. */
function base32(from: Buffer): string {
  const bits = [...from].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups
    .map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(Number.parseInt(group.padEnd(5, '0'), 2)))
    .join('');
}

test('wherever the bytes are cut, the result is the same', () => {
  const piece = fc.oneof(
    fc.constantFrom(...SPELLINGS.map(([, spelling]) => spelling)),
    fc.constantFrom(bytes.subarray(0, 9), bytes.subarray(0, 20), bytes.subarray(3)),
    fc.string({ maxLength: 5 }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (pieces, cuts) => {
      const whole = Buffer.concat(pieces);
      const places = [...new Set([0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort(
        (a, b) => a - b,
      );
      const parts = places.map((start, index) => whole.subarray(start, places[index + 1] ?? whole.length));
      const result = through(parts);
      expect(result.toString('latin1')).toBe(through([whole]).toString('latin1'));
      expect(result.includes(bytes)).toBe(false);
    }),
  );
});

test('an event that begins no pattern is passed on at once, whole', () => {
  const stream = redactor.stream();
  const event = Buffer.from('data: {"delta":"hello"}\n\n');
  expect(Buffer.concat(stream.push(event)).toString()).toBe(event.toString());
});

test('only the live beginning of a pattern is held back', () => {
  const stream = redactor.stream();
  expect(Buffer.concat(stream.push(Buffer.from('text sk-re'))).toString()).toBe('text ');
  expect(Buffer.concat(stream.push(Buffer.from('d and more'))).toString()).toBe('sk-red and more');
});

test('short text is redacted, text without a secret is returned as it is', () => {
  expect(redactor.text(`Bearer ${bytes.toString('latin1')}`)).toBe(`Bearer ${PLACEHOLDER}`);
  expect(redactor.text('nothing here')).toBe('nothing here');
});

test('a blanking stream keeps every length', () => {
  const stream = redactor.blankingStream();
  const result = Buffer.concat([
    ...stream.push(Buffer.concat([Buffer.from('a'), bytes, Buffer.from('z')])),
    ...stream.finish(),
  ]);
  expect(result.toString()).toBe(`a${'*'.repeat(bytes.length)}z`);
});

test('of two secrets the longer one counts where one begins with the other', () => {
  const both = createRedactor([], { SHORT: 'abcdefgh', LONG: 'abcdefghijkl' });
  expect(both.text('x abcdefghijkl y abcdefgh z')).toBe('x [secret LONG] y [secret SHORT] z');
});
