import { expect, test } from 'vitest';
import { assert, property, string } from 'fast-check';
import { queryKeys, queryPairs } from './queries.ts';

test.each([
  ['', []],
  ['a=1&B=2', ['a', 'b']],
  ['a=1;b=2', ['a', 'b']],
  ['&&a', ['a']],
  ['%61%50i+Key=1', ['api key']],
  ['a=b=c', ['a']],
  ['=x', ['']],
  ['%ff%=1', ['\u00ff%']],
  [' key=1', ['key']],
])('the keys of %j are %j', (query, keys) => {
  expect(queryKeys(query)).toEqual(keys);
});

test('a value keeps what is behind the first equals sign', () => {
  expect(queryPairs('a=b%3D=c')).toEqual([{ key: 'a', value: 'b==c' }]);
});

test('a key is found however it is written', () => {
  assert(
    property(string({ unit: 'grapheme-ascii', maxLength: 20 }), (noise) => {
      const escaped = Array.from('api_key', (c) => `%${c.charCodeAt(0).toString(16)}`).join('');
      expect(queryKeys(`${noise}&${escaped}=1&${noise}`)).toContain('api_key');
    }),
    { numRuns: 10_000 },
  );
});
