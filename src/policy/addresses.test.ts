import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBlock, formatAddress, isMetadataAddress, parseAddress } from './addresses.ts';

test.each([
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['10.0.0.1', 'private'],
  ['100.64.0.1', 'carrier-grade-nat'],
  ['100.127.255.255', 'carrier-grade-nat'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.1.1', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['169.254.170.2', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.0.0.1', 'protocol-assignments'],
  ['192.88.99.1', '6to4-relay'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmark'],
  ['198.19.255.255', 'benchmark'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::2', 'reserved'],
  ['::127.0.0.1', 'reserved'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::ffff:10.0.0.1', 'private'],
  ['::ffff:0:10.0.0.1', 'private'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['64:ff9b::a9fe:a9fe', 'metadata'],
  ['64:ff9b:1::1', 'nat64-local'],
  ['64:ff9b:1:a9fe:a9:fe00::', 'metadata'],
  ['100::1', 'discard'],
  ['2001::1', 'teredo'],
  ['2001:0:1:2:3:4:5601:5601', 'metadata'],
  ['2001:2::1', 'protocol-assignments'],
  ['2002:0a00:0001::', '6to4'],
  ['2002:a9fe:a9fe::1', 'metadata'],
  ['fc00::1', 'unique-local'],
  ['fd12:3456::1', 'unique-local'],
  ['fd00:ec2::254', 'metadata'],
  ['fd20:ce::254', 'metadata'],
  ['fe80::1', 'link-local'],
  ['febf::1', 'link-local'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['4000::1', 'reserved'],
])('%s lies in %s', (address, block) => {
  expect(addressBlock(address)).toBe(block);
});

test.each([
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '192.0.2.1',
  '198.51.100.1',
  '203.0.113.1',
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '2001:db8::1',
  '::ffff:1.1.1.1',
  '64:ff9b::1.1.1.1',
])('%s is public', (address) => {
  expect(addressBlock(address)).toBeUndefined();
  expect(isMetadataAddress(address)).toBe(false);
});

test.each([
  '',
  'localhost',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '1.2.3.256',
  '0x1.2.3.4',
  '1',
  'fe80::1%eth0',
  '[::1]',
  '::g',
  ':',
])('%j cannot be read and is refused as everything', (text) => {
  expect(addressBlock(text)).toBe('unparseable');
  expect(isMetadataAddress(text)).toBe(true);
});

test('text is an address exactly where the platform says so', () => {
  const shape = fc.stringMatching(/^[0-9a-f:.]{1,24}$/);
  fc.assert(
    fc.property(fc.oneof(shape, fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), (text) => {
      expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0);
    }),
    { numRuns: 10_000 },
  );
});

test('every address survives being written and read again', () => {
  const bytes = fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((array) => Array.from(array, (byte) => (byte < 128 ? 0 : byte)));
  fc.assert(
    fc.property(bytes, (address) => {
      expect(parseAddress(formatAddress(address))).toEqual(address);
    }),
  );
});
