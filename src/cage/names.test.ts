import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { IronError } from '../platform/errors.ts';
import { defaultCageName, parseCageName, parseSnapshotName, timedName } from './names.ts';

test.each(['a', 'x1', 'my-project-2', 'a'.repeat(63)])('%s is a name', (name) => {
  expect(parseCageName(name)).toBe(name);
});

test.each([
  '',
  '.',
  '..',
  '/',
  'a/b',
  '../x',
  '-rf',
  'a-',
  '-a',
  'A',
  'ä',
  'a b',
  'a\nb',
  'a\0b',
  '\u001b[31m',
  'a.b',
  'a'.repeat(64),
  'ａ',
])('%j is refused as a name', (name) => {
  expect(() => parseCageName(name)).toThrow(IronError);
});

test('the error shows no control character of the name', () => {
  try {
    parseCageName('\u001b]52;c;evil\u0007');
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_NAME' });
    // oxlint-disable-next-line no-control-regex -- that none is left is what is asked here
    expect(String(error)).not.toMatch(/[\u0000-\u001f]/);
  }
});

test('every path gives a default name that is a name, always the same, and of its own', () => {
  assert(
    property(string({ unit: 'binary' }), string(), (left, right) => {
      const name = defaultCageName(`/${left}`);
      expect(parseCageName(name)).toBe(name);
      expect(defaultCageName(`/${left}`)).toBe(name);
      if (left !== right) expect(defaultCageName(`/${right}`).slice(-8) === name.slice(-8)).toBe(false);
    }),
  );
});

test('the default name begins with the directory’s own', () => {
  expect(defaultCageName('/home/me/My Project')).toMatch(/^my-project-[0-9a-f]{8}$/);
  expect(defaultCageName('/home/me/日本')).toMatch(/^project-[0-9a-f]{8}$/);
});

test('a name of the time says it to the second, and is never one that is taken', () => {
  const timeMs = Date.parse('2026-11-21T09:08:07.654Z');
  expect(timedName('', timeMs, [])).toBe('20261121-090807');
  expect(timedName('before-rewind-', timeMs, [])).toBe('before-rewind-20261121-090807');
  expect(timedName('', timeMs, ['20261121-090807', '20261121-090807-2'])).toBe('20261121-090807-3');
  expect(parseSnapshotName(timedName('before-rewind-', timeMs, []))).toBe('before-rewind-20261121-090807');
});
