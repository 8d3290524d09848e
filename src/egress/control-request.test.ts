import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readControlRequest } from './control-request.ts';

const RUNS = 10_000;
const ANSWER = { op: 'answer', id: '0123456789ab', answer: 'once', by: 'ann' };

test.each([
  [{ op: 'status' }],
  [{ op: 'stop' }],
  [{ op: 'asks' }],
  [{ op: 'watch' }],
  [ANSWER],
  [{ ...ANSWER, answer: 'deny' }],
])('%j is a request', (request) => {
  expect(readControlRequest(JSON.stringify(request))).toEqual(request);
});

test.each([
  ['nothing', ''],
  ['a list', '[]'],
  ['null', 'null'],
  ['a word too many', '{"op":"status","really":true}'],
  ['an id of another form', JSON.stringify({ ...ANSWER, id: '../../etc' })],
  ['an answer of another kind', JSON.stringify({ ...ANSWER, answer: 'always' })],
  ['nobody who answers', JSON.stringify({ ...ANSWER, by: '' })],
  ['somebody who steers terminals', JSON.stringify({ ...ANSWER, by: '\u001b[2J' })],
  ['somebody of endless name', JSON.stringify({ ...ANSWER, by: 'a'.repeat(129) })],
  ['an operation of the prototype', '{"op":"constructor"}'],
  ['a prototype', '{"__proto__":{"op":"stop"}}'],
])('%s is an error', (_, line) => {
  expect(() => readControlRequest(line)).toThrow(Error);
});

/** Lines near to requests: right words in wrong places. */
const nearRequests = fc
  .record(
    {
      op: fc.oneof(fc.constantFrom('status', 'stop', 'asks', 'watch', 'answer', 'apply'), fc.string(), fc.anything()),
      id: fc.oneof(fc.constant('0123456789ab'), fc.string(), fc.anything()),
      answer: fc.oneof(fc.constantFrom('once', 'deny'), fc.anything()),
      by: fc.oneof(fc.string({ unit: 'binary' }), fc.anything()),
      generation: fc.oneof(
        fc.record({ generation: fc.nat(), policy: fc.anything(), bindings: fc.anything() }),
        fc.anything(),
      ),
    },
    { requiredKeys: ['op'] },
  )
  .map((value) => JSON.stringify(value) ?? 'undefined');

/** Requests as they should be, so that what is read is never nothing. */
const requests = fc.oneof(
  fc.constantFrom('status', 'stop', 'asks', 'watch').map((op) => JSON.stringify({ op })),
  fc
    .record({ op: fc.constant('answer'), id: fc.constant('0123456789ab'), answer: fc.constantFrom('once', 'deny') })
    .map((answer) => JSON.stringify({ ...answer, by: 'ann' })),
);

test('whatever a line holds, it is a request of a known form or an error that does not quote it', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), nearRequests, requests), (line) => {
      try {
        const request = readControlRequest(line);
        expect(['status', 'stop', 'asks', 'watch', 'answer', 'apply']).toContain(request.op);
        read += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: RUNS },
  );
  expect(read).toBeGreaterThan(0);
});

test('no error quotes the line it is about', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^secret-[a-z]{8}$/),
      fc.constantFrom('op', 'id', 'answer', 'by', 'generation'),
      (secret, key) => {
        for (const line of [secret, `{"${key}":"${secret}"}`, JSON.stringify({ ...ANSWER, [key]: `${secret}\n` })]) {
          let message = '';
          try {
            readControlRequest(line);
          } catch (error) {
            message = String(error);
          }
          expect(message).not.toContain(secret);
        }
      },
    ),
    { numRuns: RUNS },
  );
});
