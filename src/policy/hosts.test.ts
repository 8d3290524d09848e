import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAddressLiteral, matchesHost, normaliseHost } from './hosts.ts';

test.each([
  ['example.com', 'example.com'],
  ['EXAMPLE.Com', 'example.com'],
  ['example.com.', 'example.com'],
  ['localhost', 'localhost'],
  ['r3---sn-abc.googlevideo.com', 'r3---sn-abc.googlevideo.com'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['BÜCHER。example', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['1.example', '1.example'],
  ['203.0.113.7', '203.0.113.7'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['::ffff:1.2.3.4', '::ffff:102:304'],
])('%s is %s', (text, host) => {
  expect(normaliseHost(text)).toBe(host);
});

test.each([
  '',
  '.',
  '..',
  '.example.com',
  'example.com..',
  'a..b',
  '-a.com',
  'a-.com',
  'a_b.com',
  'a b.com',
  ' example.com',
  'example.com\0.evil.com',
  'example.com\n',
  'example%2ecom',
  'user@example.com',
  'example.com:443',
  'example.com/',
  'example.com?x',
  'example.com#x',
  'example.com\\evil',
  '*.example.com',
  'xn--.example',
  'xn--a',
  'xn--abc-.com',
  'exam\u00adple.com',
  'exam\u200bple.com',
  `${'a'.repeat(64)}.com`,
  `${'a.'.repeat(127)}a`,
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '127.0.0.01',
  '127.0.0.1.',
  '256.0.0.1',
  '1.2.3.4.5',
  'example.123',
  'example.0x1',
  '１２７.0.0.1',
  '127。0。0。1',
  '1:2',
  ':::',
  '1::2::3',
  '[::1',
  '::1]',
  'fe80::1%eth0',
  '::1.2.3',
  '12345::',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8:9',
])('%j is not one host', (text) => {
  expect(normaliseHost(text)).toBeUndefined();
});

test('a canonical host stays what it is, and every host is canonical after one pass', () => {
  const text = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6(),
    fc.webAuthority(),
    fc.string(),
    fc.string({ unit: 'grapheme' }),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const host = normaliseHost(candidate);
      if (host === undefined) return;
      expect(normaliseHost(host)).toBe(host);
      expect(host).toMatch(/^[a-z0-9.:-]+$/);
    }),
    { numRuns: 10_000 },
  );
});

test('addresses that the platform takes are hosts, spelt as the platform spells them', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      expect(`[${normaliseHost(text)}]`).toBe(new URL(`http://[${text}]/`).hostname);
    }),
    { numRuns: 10_000 },
  );
});

test.each([
  ['example.com', 'example.com', true],
  ['example.com', 'a.example.com', false],
  ['*.example.com', 'a.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.example.com', 'a.b.example.com', false],
  ['*.example.com', 'aexample.com', false],
  ['*.example.com', '.example.com', false],
  ['**.example.com', 'a.b.example.com', true],
  ['**.example.com', 'a.example.com', true],
  ['**.example.com', 'example.com', false],
  ['**.example.com', 'badexample.com', false],
  ['*', 'example.com', false],
  ['**', 'example.com', false],
  ['*.', 'a.', false],
  ['*com', 'example.com', false],
  ['**.*', 'a.*', false],
  ['*.0.0.1', '127.0.0.1', false],
  ['127.0.0.1', '127.0.0.1', true],
])('the pattern %s and the host %s: %s', (pattern, host, expected) => {
  expect(matchesHost(pattern, host)).toBe(expected);
});

test('address literals are told from names', () => {
  expect(['127.0.0.1', '::1', '2001:db8::1'].every(isAddressLiteral)).toBe(true);
  expect(['localhost', '1.example', 'a.b.c.d'].some(isAddressLiteral)).toBe(false);
});
