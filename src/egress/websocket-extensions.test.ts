import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Field } from './fields.ts';
import { Refusal } from './refusal.ts';
import { acceptedExtensions, agreedExtensions, offeredExtensions } from './websocket-extensions.ts';

function fields(...values: string[]): Field[] {
  return values.map((value) => ({ name: 'sec-websocket-extensions', spelled: 'Sec-WebSocket-Extensions', value }));
}

test.each([
  ['what browsers offer', 'permessage-deflate; client_max_window_bits', 'permessage-deflate; client_max_window_bits'],
  [
    'several forms',
    'permessage-deflate; server_max_window_bits=10,permessage-deflate',
    'permessage-deflate; server_max_window_bits=10, permessage-deflate',
  ],
  [
    'a quoted value and capitals',
    'PERMESSAGE-DEFLATE ;Client_Max_Window_Bits = "12"',
    'permessage-deflate; client_max_window_bits=12',
  ],
  [
    'everything there is',
    'permessage-deflate; client_max_window_bits=8; server_max_window_bits=15; client_no_context_takeover; server_no_context_takeover',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; client_max_window_bits=8',
  ],
  ['an unknown extension beside a known one', 'x-webkit-deflate-frame, permessage-deflate', 'permessage-deflate'],
  ['an unknown extension', 'permessage-bzip2', undefined],
  ['an unknown parameter', 'permessage-deflate; level=9', undefined],
  ['a parameter twice', 'permessage-deflate; client_max_window_bits; client_max_window_bits=9', undefined],
  ['7 window bits', 'permessage-deflate; server_max_window_bits=7', undefined],
  ['16 window bits', 'permessage-deflate; client_max_window_bits=16', undefined],
  ['08 window bits', 'permessage-deflate; client_max_window_bits=08', undefined],
  ['a value where none belongs', 'permessage-deflate; client_no_context_takeover=1', undefined],
  ['no value where one belongs', 'permessage-deflate; server_max_window_bits', undefined],
])('of an offer with %s only what is understood is passed on', (_, offer, passed) => {
  expect(offeredExtensions(fields(offer))?.value).toBe(passed);
});

test('an offer over several fields is one list', () => {
  expect(offeredExtensions(fields('foo', 'permessage-deflate'))?.value).toBe('permessage-deflate');
});

test.each([
  ',',
  'permessage-deflate,',
  'permessage-deflate;',
  'a b',
  'a; b="c d"',
  'a; b="c',
  'a; =c',
  'a; b=',
  'ä',
  Array.from({ length: 17 }, () => 'a').join(','),
])('the offer %j is malformed', (offer) => {
  expect(() => offeredExtensions(fields(offer))).toThrow(expect.objectContaining({ status: 400 }));
});

test.each([
  ['permessage-deflate', 'permessage-deflate', { clientMaxWindowBits: 15, serverMaxWindowBits: 15 }],
  ['permessage-deflate', 'permessage-deflate; server_no_context_takeover', { serverNoContextTakeover: true }],
  ['permessage-deflate', 'permessage-deflate; client_no_context_takeover', { clientNoContextTakeover: true }],
  ['permessage-deflate', 'permessage-deflate; server_max_window_bits=9', { serverMaxWindowBits: 9 }],
  [
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; client_max_window_bits=9',
    { clientMaxWindowBits: 9 },
  ],
  [
    'permessage-deflate; client_max_window_bits=12',
    'permessage-deflate; client_max_window_bits=12',
    { clientMaxWindowBits: 12 },
  ],
  [
    'permessage-deflate; server_max_window_bits=10, permessage-deflate',
    'permessage-deflate',
    { serverMaxWindowBits: 15 },
  ],
])('to the offer %j the answer %j is agreed on', (offer, answer, agreed) => {
  expect(acceptedExtensions(fields(answer), fields(offer))).toMatchObject(agreed);
});

test.each([
  ['permessage-deflate', 'permessage-deflate; client_max_window_bits=15'],
  ['permessage-deflate; client_max_window_bits=12', 'permessage-deflate; client_max_window_bits=13'],
  ['permessage-deflate; client_max_window_bits', 'permessage-deflate; client_max_window_bits'],
  ['permessage-deflate; server_max_window_bits=10', 'permessage-deflate'],
  ['permessage-deflate; server_max_window_bits=10', 'permessage-deflate; server_max_window_bits=11'],
  ['permessage-deflate; server_no_context_takeover', 'permessage-deflate'],
  ['permessage-deflate', 'permessage-deflate, permessage-deflate'],
  ['permessage-deflate', 'permessage-deflate; level=9'],
  ['permessage-deflate; level=9', 'permessage-deflate'],
  ['permessage-deflate, foo', 'foo'],
])('to the offer %j the answer %j is the upstream’s fault', (offer, answer) => {
  expect(() => acceptedExtensions(fields(answer), fields(offer))).toThrow(expect.objectContaining({ status: 502 }));
});

test('an empty field offers nothing and chooses nothing', () => {
  expect(offeredExtensions(fields(''))).toBeUndefined();
  expect(acceptedExtensions(fields(''), fields('permessage-deflate'))).toBeUndefined();
});

test('without an offer there is nothing to choose, and no answer means no compression', () => {
  expect(acceptedExtensions([], [])).toBeUndefined();
  expect(() => acceptedExtensions(fields('permessage-deflate'), [])).toThrow('nobody offered');
});

test('whatever is offered and answered, it is agreed on in words that mean the same again, or refused', () => {
  const parameter = fc.constantFrom(
    ...[
      'client_max_window_bits',
      'client_max_window_bits=9',
      'client_max_window_bits="15"',
      'server_max_window_bits=8',
    ],
    ...['server_max_window_bits=15', 'client_no_context_takeover', 'server_no_context_takeover', 'x', 'x="y"', ''],
  );
  const name = fc.constantFrom('permessage-deflate', 'permessage-deflate', 'foo');
  const element = fc
    .tuple(name, fc.array(parameter, { maxLength: 3 }))
    .map(([first, more]) => [first, ...more].join(';'));
  const list = fc.oneof(
    { weight: 4, arbitrary: fc.array(element, { minLength: 1, maxLength: 2 }).map((elements) => elements.join(', ')) },
    { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
  );
  let agreedCount = 0;
  fc.assert(
    fc.property(list, list, (offer, answer) => {
      try {
        const agreed = acceptedExtensions(fields(answer), fields(offer));
        if (agreed === undefined) return;
        agreedCount += 1;
        // Offered with everything left open, what we tell the client would be understood as what we understood.
        const open = fields(`permessage-deflate; client_max_window_bits`);
        expect(acceptedExtensions([agreedExtensions(agreed)], open)).toEqual(agreed);
        const passed = offeredExtensions(fields(offer));
        expect(acceptedExtensions(fields(answer), passed === undefined ? [] : [passed])).toEqual(agreed);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    }),
    { numRuns: 20_000 },
  );
  expect(agreedCount).toBeGreaterThan(200);
});
