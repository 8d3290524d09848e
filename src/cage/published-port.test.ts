import { expect, test } from 'vitest';
import { formatPort, isOpenToOthers, isSameEnd, parsePort } from './published-port.ts';

test.each([
  ['3000', '127.0.0.1:3000:3000'],
  ['8080:3000', '127.0.0.1:8080:3000'],
  ['0:3000', '127.0.0.1:0:3000'],
  ['127.0.0.1:8080:3000', '127.0.0.1:8080:3000'],
  ['0.0.0.0:3000', '0.0.0.0:3000:3000'],
  ['[::1]:8080:3000', '[::1]:8080:3000'],
  ['[0:0:0:0:0:0:0:1]:8080', '[::1]:8080:8080'],
  ['[::]:65535:1', '[::]:65535:1'],
])('%s is %s', (text, written) => {
  expect(formatPort(parsePort(text))).toBe(written);
  expect(formatPort(parsePort(written))).toBe(written);
});

test.each([
  ...[
    '',
    '0',
    '0:0',
    '3000:0',
    '70000',
    '1:70000',
    '-1',
    '3000:',
    ':3000',
    '1:2:3',
    '3000/tcp',
    '3000-3010',
    '0x50',
    '+1',
    '1.5',
  ],
  ...[
    'localhost:3000',
    'host.example:1:2',
    '127.0.0.1',
    '127.1:80',
    '127.0.0.1:',
    '256.0.0.1:80',
    '010.0.0.1:80',
    '::1:80',
  ],
  ...[
    '[127.0.0.1]:80',
    '[::1%lo]:80',
    '[::ffff:127.0.0.1]:80',
    '[::ffff:0.0.0.0]:80',
    '[]:80',
    '[::1]80',
    ' 3000',
    '３000',
  ],
])('%j is refused with an example or the bounds', (text) => {
  expect(() => parsePort(text)).toThrow(
    expect.objectContaining({ code: 'E_USAGE', hint: expect.stringMatching(/8080:3000|1 to 65535/) }),
  );
});

test.each([
  ['3000:1', '3000:2', true],
  ['3000', '3001:3000', false],
  ['0:3000', '0:3000', false],
  ['0.0.0.0:3000', '3000', true],
  ['3000', '[::]:3000', true],
  ['[::]:3000', '[::1]:3000', true],
  ['0.0.0.0:3000', '[::1]:3000', false],
  ['127.0.0.1:3000', '127.0.0.2:3000', false],
])('%s and %s hold the same port of the machine: %s', (one, other, same) => {
  expect(isSameEnd(parsePort(one), parsePort(other))).toBe(same);
  expect(isSameEnd(parsePort(other), parsePort(one))).toBe(same);
});

test.each([
  ['3000', false],
  ['127.8.8.8:3000', false],
  ['[::1]:3000', false],
  ['0.0.0.0:3000', true],
  ['[::]:3000', true],
  ['192.0.2.1:3000', true],
])('%s is open to others: %s', (text, open) => expect(isOpenToOthers(parsePort(text))).toBe(open));
