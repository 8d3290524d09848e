import { expect, test } from 'vitest';
import { forwardableFields, parseFields } from './fields.ts';
import { malformed, Refusal } from './refusal.ts';

function fields(...lines: string[]) {
  return parseFields(lines, 0, 50, malformed);
}

test('fields about one connection, and those that Connection names, stay behind', () => {
  const passed = forwardableFields(
    fields(
      'Host: h',
      'Connection: keep-alive, X-Hop',
      'Keep-Alive: timeout=5',
      'Proxy-Authorization: Basic x',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Trailer: X',
      'Transfer-Encoding: chunked',
      'Content-Length: 1',
      'Upgrade: foo',
      'Expect: 100-continue',
      'X-Hop: gone',
      'X-Stays: here',
      'Accept: */*',
    ),
    malformed,
  );
  expect(passed.map(({ spelled }) => spelled)).toEqual(['X-Stays', 'Accept']);
});

test.each(['Host', 'content-length', 'Transfer-Encoding', 'authorization'])('Connection may not name %s', (name) => {
  expect(() => forwardableFields(fields(`Connection: ${name}`), malformed)).toThrow(Refusal);
});

test('a value with a long run of blanks inside is read in no time', () => {
  const start = process.cpuUsage();
  fields(`X: a${' '.repeat(60_000)}b`);
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(500);
});
