import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BodyInspection } from './inspection.ts';
import { createRedactor } from './redact.ts';
import { Refusal } from './refusal.ts';
import { WebSocketFault } from './websocket-fault.ts';
import { FrameDecoder, isControl, OPCODE, PIECE_BYTES, type FramePart } from './websocket-frame.ts';
import { FrameWriter, type OutgoingFrame } from './websocket-frame-writer.ts';
import { MessageRelay, type MessageOptions } from './websocket-messages.ts';

const RUNS = 10_000;
const LIMITS = {
  fragmentsPerMessage: 5,
  controlFramesPerSecond: 4,
  inflatedBytes: 1000,
  inflateRatio: 10,
  capturedBytes: 0,
};

interface Passed {
  /** What the receiver reads, whole messages and control frames in their order. */
  received: string[];
  failure: unknown;
  /** Whether frames of a message went out whose end did not. */
  isOpen: boolean;
}

/** Sends bytes through one direction whose every step is done at once. */
function relay(pieces: readonly Buffer[], more: Partial<MessageOptions> = {}): Passed {
  const writer = new FrameWriter(true);
  const messages = new MessageRelay({
    direction: 'out',
    writer,
    flush: () => Promise.resolve(),
    isFresh: false,
    inspect: undefined,
    redactor: undefined,
    maxBytes: undefined,
    captured: undefined,
    onNotes: () => undefined,
    limits: LIMITS,
    now: () => 0,
    ...more,
  });
  const decoder = new FrameDecoder({ isMasked: true, mayCompress: false });
  let failure: unknown;
  try {
    for (const piece of pieces) {
      decoder.feed(Buffer.from(piece));
      for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
        expect(messages.take(part)).toBeUndefined();
      }
    }
  } catch (error) {
    failure = error;
  }
  return { ...read(Buffer.concat(writer.take())), failure };
}

function read(bytes: Buffer): { received: string[]; isOpen: boolean } {
  const decoder = new FrameDecoder({ isMasked: true, mayCompress: false });
  decoder.feed(bytes);
  const received: string[] = [];
  let open: { opcode: number; payload: Buffer[] } | undefined;
  for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
    if (isControl(part.opcode)) {
      received.push(`${part.opcode} ${part.payload.toString('hex')}`);
      continue;
    }
    if (part.isStart) expect(part.opcode === OPCODE.continuation).toBe(open !== undefined);
    open ??= { opcode: part.opcode, payload: [] };
    open.payload.push(part.payload);
    if (!(part.isEnd && part.isFinal)) continue;
    received.push(`${open.opcode} ${Buffer.concat(open.payload).toString('hex')}`);
    open = undefined;
  }
  expect(decoder.isBetweenFrames).toBe(true);
  return { received, isOpen: open !== undefined };
}

function encode(...frames: readonly (Partial<OutgoingFrame> & { opcode: number })[]): Buffer {
  const writer = new FrameWriter(true);
  for (const frame of frames) {
    writer.add({ isFinal: true, isCompressed: false, payload: Buffer.alloc(0), ...frame });
  }
  return Buffer.concat(writer.take());
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])];
  return cuts.sort((a, b) => a - b).map((start, index, all) => bytes.subarray(start, all[index + 1] ?? start));
}

const payload = fc.oneof(
  fc.string({ maxLength: 20 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
);
const frame = fc.record({
  opcode: fc.constantFrom(...[OPCODE.text, OPCODE.binary, OPCODE.continuation, OPCODE.continuation, OPCODE.ping]),
  isFinal: fc.boolean(),
  payload,
});

test('any frames pass as the messages that they are, up to the first fault, wherever they are cut', () => {
  let faults = 0;
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (frames, places) => {
      const sent = frames.map((each) => (isControl(each.opcode) ? { ...each, isFinal: true } : each));
      const whole = relay([encode(...sent)]);
      const pieces = relay(cut(encode(...sent), places));
      expect(pieces).toEqual(whole);
      if (whole.failure === undefined) {
        // Nothing was refused: what goes out says the same as what came in.
        expect(whole.received).toEqual(read(encode(...sent)).received);
        return;
      }
      faults += 1;
      expect(whole.failure).toBeInstanceOf(WebSocketFault);
    }),
    { numRuns: RUNS },
  );
  expect(faults).toBeGreaterThan(1000);
});

test('pings between the fragments of a message keep their place', () => {
  const bytes = encode(
    { opcode: OPCODE.text, isFinal: false, payload: Buffer.from('a') },
    { opcode: OPCODE.ping, payload: Buffer.from('p') },
    { opcode: OPCODE.continuation, payload: Buffer.from('b') },
  );
  expect(relay([bytes])).toEqual({ received: ['9 70', '1 6162'], failure: undefined, isOpen: false });
});

function refuse(): never {
  throw new Refusal({ status: 403, rule: 'test', reason: 'no' });
}

test('of a refused message the beginning may be out, and never its end', () => {
  const atEnd: BodyInspection = { push: () => undefined, finish: refuse, notes: () => [] };
  const long = encode({ opcode: OPCODE.binary, payload: Buffer.alloc(PIECE_BYTES + 1) });
  const { received, failure, isOpen } = relay([long], { inspect: () => atEnd });
  expect({ received, isOpen }).toEqual({ received: [], isOpen: true });
  expect(failure).toBeInstanceOf(Refusal);
  const short = relay([encode({ opcode: OPCODE.text, payload: Buffer.from('x') })], { inspect: () => atEnd });
  expect(short.isOpen).toBe(false);
  const atOnce: BodyInspection = { push: refuse, finish: () => undefined, notes: () => [] };
  expect(relay([long], { inspect: () => atOnce }).isOpen).toBe(false);
});

test('what a ping or a close carries is looked at as well', async () => {
  for (const opcode of [OPCODE.ping, OPCODE.pong, OPCODE.close]) {
    const seen: string[] = [];
    const inspect = (): BodyInspection => ({
      push(pieces) {
        seen.push(String(Buffer.concat([...pieces]).subarray(-5)));
        return refuse();
      },
      finish: () => undefined,
      notes: () => [],
    });
    const writer = new FrameWriter(true);
    const messages = new MessageRelay({
      ...{ direction: 'out', writer, flush: () => Promise.resolve(), isFresh: false, inspect, redactor: undefined },
      ...{ maxBytes: undefined, captured: undefined, onNotes: () => undefined, limits: LIMITS, now: () => 0 },
    });
    const body = Buffer.from([3, 0xe8, ...Buffer.from('secret')]);
    const part: FramePart = { opcode, isFinal: true, isCompressed: false, isStart: true, isEnd: true, payload: body };
    await expect(messages.take(part)).rejects.toBeInstanceOf(Refusal);
    expect(seen).toEqual(['ecret']);
    expect(writer.bytes).toBe(0);
  }
});

test('a secret is found across the fragments of a message, and what could begin one waits for no other message', () => {
  const redactor = createRedactor([], { KEY: 'real-secret-value' });
  const bytes = encode(
    { opcode: OPCODE.text, isFinal: false, payload: Buffer.from('it is real-sec') },
    { opcode: OPCODE.continuation, payload: Buffer.from('ret-value') },
    { opcode: OPCODE.text, payload: Buffer.from('real-') },
  );
  const { received } = relay([bytes], { redactor, direction: 'in' });
  expect(received.map((text) => Buffer.from(text.slice(2), 'hex').toString())).toEqual(['it is [secret KEY]', 'real-']);
});

test('fragments and control frames have bounds, and time gives control frames anew', () => {
  const empty = { opcode: OPCODE.continuation, isFinal: false };
  const started = { opcode: OPCODE.binary, isFinal: false };
  expect(relay([encode(started, empty, empty, empty, empty)]).failure).toBeUndefined();
  expect(relay([encode(started, empty, empty, empty, empty, empty)]).failure).toMatchObject({ code: 1009 });
  const ping = { opcode: OPCODE.ping };
  expect(relay([encode(ping, ping, ping, ping)]).failure).toBeUndefined();
  expect(relay([encode(ping, ping, ping, ping, ping)]).failure).toMatchObject({ code: 1008 });
  let time = 0;
  const slow = relay([encode(ping, ping, ping, ping, ping, ping)], { now: () => (time += 300) });
  expect(slow.failure).toBeUndefined();
});

test('a message is refused beyond what its rule lets pass, and the frames of it do not make a whole one', () => {
  const text = (length: number) => encode({ opcode: OPCODE.text, payload: Buffer.alloc(length, 0x61) });
  const whole = relay([text(10), text(10)], { maxBytes: 10 });
  expect([whole.failure, whole.received.length]).toEqual([undefined, 2]);
  expect(relay([text(11)], { maxBytes: 10 })).toMatchObject({ failure: { rule: '<max-body>' }, received: [] });
  const begun = { opcode: OPCODE.text, isFinal: false, payload: Buffer.alloc(6, 0x61) };
  const rest = { opcode: OPCODE.continuation, payload: Buffer.alloc(5, 0x61) };
  const inFragments = relay([encode(begun, rest)], { maxBytes: 10 });
  expect(inFragments).toMatchObject({ failure: { rule: '<max-body>' }, received: [], isOpen: true });
  expect(relay([text(1)], { maxBytes: 0 }).failure).toBeInstanceOf(Refusal);
});
