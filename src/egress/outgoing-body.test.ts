import { expect, test } from 'vitest';
import type { CapturedExchange } from './capture.ts';
import type { BodyInspection } from './inspection.ts';
import { checkOutgoing } from './outgoing-body.ts';
import { Refusal } from './refusal.ts';

const REFUSED = new Refusal({ status: 403, rule: '<test>', reason: 'no' });

const nothing = () => undefined;

function captureTo(kept: Buffer[]): CapturedExchange {
  return {
    ...{ request: nothing, response: nothing, responseBody: nothing, message: nothing, end: nothing },
    requestBody: (pieces) => void kept.push(...pieces),
  };
}

function bodyOf(pieces: Buffer[], inspection: BodyInspection, kept: Buffer[]) {
  const left = [...pieces];
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return checkOutgoing(
    {
      async next() {
        const piece = left.shift();
        return piece === undefined ? undefined : [piece];
      },
      trailers: () => [],
    },
    {
      framing: { kind: 'length', length },
      maxBodyBytes: undefined,
      meter: { out: () => undefined },
      inspection,
      captured: captureTo(kept),
      progress: { status: 0, bytesOut: 0, bytesIn: 0, answered: false, bodyRead: false, notes: [] },
    },
  );
}

test('of a body that is refused at its end, as what is decoded may be, the end is not kept for HAR', async () => {
  const kept: Buffer[] = [];
  const inspection: BodyInspection = {
    push: () => undefined,
    finish: () => Promise.reject(REFUSED),
    notes: () => [],
  };
  const body = bodyOf([Buffer.from('first '), Buffer.from('secret')], inspection, kept);
  expect(await body.next()).toHaveLength(1);
  await expect(body.next()).rejects.toBe(REFUSED);
  expect(Buffer.concat(kept).toString()).toBe('first ');
});

test('a body that is found good is kept whole', async () => {
  const kept: Buffer[] = [];
  const body = bodyOf(
    [Buffer.from('first '), Buffer.from('last')],
    { push: () => undefined, finish: () => undefined, notes: () => [] },
    kept,
  );
  while ((await body.next()) !== undefined);
  expect(Buffer.concat(kept).toString()).toBe('first last');
});
