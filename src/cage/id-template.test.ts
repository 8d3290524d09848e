import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesPath } from '../policy/paths.ts';
import { idTemplate } from './id-template.ts';

test.each([
  ['42', '*'],
  ['2026-01-31', '*'],
  ['1.3.0', '*'],
  ['v2.0.0-rc.1', '*'],
  ['d816a2b', '*'],
  ['9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '*'],
  ['123e4567-e89b-12d3-a456-426614174000', '*'],
  ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '*'],
  ['AbCdEfGhIj0123456789', '*'],
  ['msg_01AbCdEfGhIj0123456789', 'msg_*'],
  ['left-pad-1.3.0.tgz', 'left-pad-*.tgz'],
  ['requests-2.32.3.tar.gz', 'requests-*.tar.gz'],
  ['17.json', '*.json'],
])('%s is an id, left open as %s', (segment, template) => {
  expect(idTemplate(segment)).toBe(template);
});

test.each([
  'items',
  'left-pad',
  'messages',
  'count_tokens',
  'v1',
  'oauth2',
  'facade',
  'deadbeef',
  '',
  '-',
  'a%2Fb',
  '*',
])('%s is a word', (segment) => {
  expect(idTemplate(segment)).toBeUndefined();
});

test('a template always covers the segment it was made from, whatever that is, and in no time', () => {
  const segments = fc.oneof(
    fc.stringMatching(/^[A-Za-z0-9._~!$&'()+,;=:@-]{1,300}$/),
    fc.stringMatching(/^[a-z-]{1,40}-[0-9.]{1,40}\.[a-z.]{1,40}$/),
    fc.stringMatching(/^[0-9a-f-]{1,300}$/),
  );
  fc.assert(
    fc.property(segments, (segment) => {
      const template = idTemplate(segment);
      if (template !== undefined) expect(matchesPath(`/${template}`, `/${segment}`)).toBe(true);
    }),
    { numRuns: 10_000 },
  );
});
