import { expect, test } from 'vitest';
import { configConverts, convertsContents } from './attributes.ts';

test.each([
  ['* text=auto\n', true],
  ['*.bin filter=lfs diff=lfs merge=lfs -text\n', true],
  ['"a b" eol=crlf\n', true],
  ['*.c ident', true],
  ['[attr]lf text eol=lf\n', true],
  ['# * text\n', false],
  ['*.png binary\n', false],
  ['* -text\n*.x diff=x\n', false],
  ['text\n', false],
])('%j converts contents: %s', (text, expected) => expect(convertsContents(text)).toBe(expected));

test.each([
  ['true', true],
  ['input', true],
  ['false', false],
])('core.autocrlf=%s converts: %s', (value, expected) => {
  expect(configConverts(new Map([['core.autocrlf', value]]))).toBe(expected);
});
