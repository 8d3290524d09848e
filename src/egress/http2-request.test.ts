import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Field } from './fields.ts';
import { writeHttp2Fields } from './http2-fields.ts';
import { readHttp2Request } from './http2-request.ts';
import { writeRequestHead } from './head-writer.ts';
import { Refusal } from './refusal.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';

const RUNS = 10_000;
const LIMITS = { maxHeadBytes: 64 * 1024, maxHeaders: 30 };
const GOOD = [':method', 'GET', ':scheme', 'https', ':authority', 'a.example', ':path', '/x'];

function read(raw: readonly string[]): RequestHead {
  return readHttp2Request(raw, true, LIMITS);
}

function namesOf({ fields }: RequestHead): string[] {
  return fields.map(({ name }) => name).filter((name) => name !== 'host');
}

function twice(name: string, first: string, second: string): Field[] {
  return [
    { name, spelled: name, value: first },
    { name, spelled: name, value: second },
  ];
}

test('crumbs of a cookie become one field, and the authority is the host', () => {
  const head = read([...GOOD, 'cookie', 'a=1', 'x-a', 'b', 'cookie', 'c=2']);
  expect(head).toMatchObject({ method: 'GET', host: 'a.example', target: { form: 'origin', target: '/x' } });
  expect(head.fields.map(({ name, value }) => [name, value])).toEqual([
    ['x-a', 'b'],
    ['cookie', 'a=1; c=2'],
  ]);
});

function changed(name: string, value: string | undefined): string[] {
  const at = GOOD.indexOf(name);
  return value === undefined ? GOOD.toSpliced(at, 2) : GOOD.with(at + 1, value);
}

test.each([
  ['no method', changed(':method', undefined)],
  ['no authority', changed(':authority', undefined)],
  ['an empty authority beside a host', [...changed(':authority', ''), 'host', 'a.example']],
  ['a host that is another one', [...GOOD, 'host', 'b.example']],
  ['two hosts', [...GOOD, 'host', 'a.example', 'host', 'a.example']],
  ['a path that is none', changed(':path', '*')],
  ['an empty path', changed(':path', '')],
  ['a whole URL for a path', changed(':path', 'https://b.example/')],
  ['a space in the path', changed(':path', '/x HTTP/1.1')],
  ['a line end in the path', changed(':path', '/x\r\nHost: b.example')],
  ['a method with a space', changed(':method', 'GET /')],
  ['a method in lower case', changed(':method', 'get')],
  ['the scheme http', changed(':scheme', 'http')],
  ['an unknown pseudo-header', [':x', 'y', ...GOOD]],
  ['a pseudo-header twice', [...GOOD, ':path', '/y']],
  ['a pseudo-header behind a field', ['x-a', 'b', ...GOOD]],
  ['a field in upper case', [...GOOD, 'X-A', 'b']],
  ['a field of a connection', [...GOOD, 'connection', 'close']],
  ['transfer-encoding', [...GOOD, 'transfer-encoding', 'chunked']],
  ['upgrade', [...GOOD, 'upgrade', 'h2c']],
  ['a line end in a value', [...GOOD, 'x-a', 'b\r\nc: d']],
  ['a NUL in a value', [...GOOD, 'x-a', 'b\0']],
  ['a colon in a name', [...GOOD, 'x-a:', 'b']],
  ['an empty name', [...GOOD, '', 'b']],
  ['an extended CONNECT for something else', [...changed(':method', 'CONNECT'), ':protocol', 'connect-udp']],
  ['an extended GET', [...GOOD, ':protocol', 'websocket']],
  ['too many fields', [...GOOD, ...Array<string>(60).fill('x')]],
])('%s is refused', (_, raw) => {
  expect(() => read(raw)).toThrow(Refusal);
});

test('whatever is read is one HTTP/1 head as well, with the same fields and the same host', () => {
  const name = fc.oneof(
    fc.constantFrom(':method', ':scheme', ':authority', ':path', ':protocol', 'host', 'cookie', 'te', 'connection'),
    fc.constantFrom('content-length', 'transfer-encoding', 'x-a', 'X-A', '__proto__', 'x:a', ''),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  const value = fc.oneof(
    fc.constantFrom(
      'GET',
      'CONNECT',
      'https',
      'websocket',
      'a.example',
      '/y',
      '/y z',
      'a\r\nHost: b',
      'a\nb',
      ' a',
      '',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.string({ maxLength: 6 }),
  );
  const fields = fc.array(fc.tuple(name, value), { maxLength: 5 });
  fc.assert(
    fc.property(fields, fc.nat(9), (more, place) => {
      const raw = GOOD.toSpliced(Math.min(place * 2, GOOD.length), 0, ...more.flat());
      let head: RequestHead;
      try {
        head = read(raw);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
        return;
      }
      if (head.target.form !== 'origin') return;
      const bytes = writeRequestHead({
        ...{ method: head.method, target: head.target.target, authority: head.host, framing: { kind: 'none' } },
        fields: head.fields,
      });
      const again = parseRequestHead(bytes, LIMITS);
      expect({ method: again.method, target: again.target, host: again.host }).toEqual({
        ...{ method: head.method, target: head.target, host: head.host },
      });
      expect(namesOf(again)).toEqual(namesOf(head));
    }),
    { numRuns: RUNS },
  );
});

test('fields that may come once only are one list, the others stay apart', () => {
  const written = writeHttp2Fields([
    ...twice('x-content-type-options', 'nosniff', 'nosniff'),
    ...twice('etag', '"a"', '"b"'),
    ...twice('set-cookie', 'a=1', 'a=1'),
  ]);
  expect({ ...written }).toEqual({
    'x-content-type-options': 'nosniff',
    etag: '"a", "b"',
    'set-cookie': ['a=1', 'a=1'],
  });
});
