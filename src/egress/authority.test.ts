import { expect, test } from 'vitest';
import { agreeOnAuthority, formatAuthority, parseAuthority } from './authority.ts';
import { Refusal } from './refusal.ts';

test.each([
  ['h.example', { host: 'h.example', port: 443 }],
  ['H.Example.:8443', { host: 'h.example', port: 8443 }],
  ['[::1]:8443', { host: '::1', port: 8443 }],
  ['192.0.2.1', { host: '192.0.2.1', port: 443 }],
])('%s is an authority', (text, authority) => {
  expect(parseAuthority(text, 443)).toEqual(authority);
});

test.each([
  '',
  ':443',
  'h.example:',
  'h.example:0',
  'h.example:65536',
  'h.example:+443',
  'h.example:443:443',
  'user@h.example',
  'user:pass@h.example',
  'h.example/path',
  'h.example?x',
  'h example',
  'h.example\t',
  'h%2eexample',
  '::1',
  '[::1',
  '[h.example]',
  '[192.0.2.1]',
  '[fe80::1%25eth0]',
  '0x7f.1',
  '127.1',
  '2130706433',
  'h_x.example',
  'h.example,evil.example',
])('%j is no authority', (text) => {
  expect(() => parseAuthority(text, 443)).toThrow(Refusal);
});

test('a missing port is refused where none goes without saying', () => {
  expect(() => parseAuthority('h.example', undefined)).toThrow('port is missing');
});

const SNI = { source: 'the TLS server name', host: 'h.example' };

test('a request whose names and ports agree has that authority', () => {
  expect(agreeOnAuthority('H.example:443', 'https', 443, [SNI])).toEqual({ host: 'h.example', port: 443 });
  expect(agreeOnAuthority('h.example:8443', 'https', 8443, [SNI])).toEqual({ host: 'h.example', port: 8443 });
});

test.each([
  ['another name', 'evil.example', 443],
  ['another port', 'h.example:8443', 443],
  ['the default port where the connection goes to another', 'h.example', 8443],
])('%s than the connection’s is misdirected', (_, host, port) => {
  expect(() => agreeOnAuthority(host, 'https', port, [SNI])).toThrow(
    expect.objectContaining({ status: 421, rule: '<authority>' }),
  );
});

test('every claim must agree, not only the first', () => {
  const other = { source: 'the destination address', host: 'other.example' };
  expect(() => agreeOnAuthority('h.example', 'https', 443, [SNI, other])).toThrow(
    'the destination address says other.example',
  );
});

test('an authority is written with brackets and without the port that goes without saying', () => {
  expect(formatAuthority({ host: '::1', port: 443 }, 'https')).toBe('[::1]');
  expect(formatAuthority({ host: 'h.example', port: 80 }, 'https')).toBe('h.example:80');
  expect(formatAuthority({ host: 'h.example', port: 80 }, 'http')).toBe('h.example');
});
