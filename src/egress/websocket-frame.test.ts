import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocketFault } from './websocket-fault.ts';
import { FrameDecoder, OPCODE, PIECE_BYTES, type FramePart, type FrameRules } from './websocket-frame.ts';
import { FrameWriter, type OutgoingFrame } from './websocket-frame-writer.ts';

const RUNS = 10_000;
const CLIENT: FrameRules = { isMasked: true, mayCompress: true };
const SERVER: FrameRules = { isMasked: false, mayCompress: true };

/** Everything that comes out of these bytes, and why it ended where it did. */
function decode(
  pieces: readonly Uint8Array[],
  rules: FrameRules,
): { parts: FramePart[]; fault: WebSocketFault | undefined } {
  const decoder = new FrameDecoder(rules);
  const parts: FramePart[] = [];
  try {
    for (const piece of pieces) {
      decoder.feed(Buffer.from(piece));
      for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
        parts.push({ ...part, payload: Buffer.from(part.payload) });
      }
    }
  } catch (error) {
    if (!(error instanceof WebSocketFault)) throw error;
    return { parts, fault: error };
  }
  return { parts, fault: undefined };
}

function encode(frames: readonly OutgoingFrame[], isMasked: boolean): Buffer {
  const writer = new FrameWriter(isMasked);
  for (const frame of frames) writer.add(frame);
  return Buffer.concat(writer.take());
}

function frame(opcode: number, payload: Buffer | string, more: Partial<OutgoingFrame> = {}): OutgoingFrame {
  return { opcode, isFinal: true, isCompressed: false, payload: Buffer.from(payload), ...more };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

const dataFrame = fc.record({
  opcode: fc.constantFrom(OPCODE.text, OPCODE.binary, OPCODE.continuation),
  isFinal: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const controlFrame = fc.record({
  opcode: fc.constantFrom(OPCODE.close, OPCODE.ping, OPCODE.pong),
  isFinal: fc.constant(true),
  payload: fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes)),
});
const frames = fc.array(
  fc.oneof(dataFrame, controlFrame).chain((some) =>
    fc.record({
      ...{ opcode: fc.constant(some.opcode), isFinal: fc.constant(some.isFinal), payload: fc.constant(some.payload) },
      isCompressed: some.opcode === OPCODE.text || some.opcode === OPCODE.binary ? fc.boolean() : fc.constant(false),
    }),
  ),
  { maxLength: 6 },
);

test.each([
  ['a client', CLIENT],
  ['a server', SERVER],
])('wherever the bytes of %s are cut, the same frames come out of them', (_, rules) => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (sent, places) => {
      const { parts, fault } = decode(cut(encode(sent, rules.isMasked), places), rules);
      expect(fault).toBeUndefined();
      expect(parts).toEqual(sent.map((each) => ({ ...each, isStart: true, isEnd: true })));
    }),
    { numRuns: RUNS },
  );
});

test('random bytes give frames or a fault, the same ones wherever they are cut', () => {
  // Half of the bytes are such as stand in headers: pure noise seldom gets beyond the first two.
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x81, 0x82, 0x01, 0x00, 0x80, 0xfe, 0xff, 0x88, 0x7e, 0x7f));
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.constantFrom(CLIENT, SERVER),
      (bytes, places, rules) => {
        const whole = decode([bytes], rules);
        const pieces = decode(cut(bytes, places), rules);
        expect(pieces.parts).toEqual(whole.parts);
        expect(pieces.fault?.message).toBe(whole.fault?.message);
      },
    ),
    { numRuns: RUNS },
  );
});

test.each([
  ['reserved bit 2', CLIENT, [0xa1, 0x80, 0, 0, 0, 0]],
  ['reserved bit 3', CLIENT, [0x91, 0x80, 0, 0, 0, 0]],
  ['compression on a continuation', CLIENT, [0xc0, 0x80, 0, 0, 0, 0]],
  ['compression on a ping', CLIENT, [0xc9, 0x80, 0, 0, 0, 0]],
  ['compression nobody agreed on', { isMasked: true, mayCompress: false }, [0xc1, 0x80, 0, 0, 0, 0]],
  ['opcode 3', CLIENT, [0x83, 0x80, 0, 0, 0, 0]],
  ['opcode 11', CLIENT, [0x8b, 0x80, 0, 0, 0, 0]],
  ['a client without a mask', CLIENT, [0x81, 0x01, 0x61]],
  ['a server with a mask', SERVER, [0x81, 0x81, 0, 0, 0, 0, 0x61]],
  ['a ping in fragments', CLIENT, [0x09, 0x80, 0, 0, 0, 0]],
  ['a ping of 126 bytes', CLIENT, [0x89, 0xfe, 0, 126]],
  ['125 in three bytes', SERVER, [0x81, 126, 0, 125]],
  ['65535 in nine bytes', SERVER, [0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]],
  ['a length with its highest bit', SERVER, [0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 1]],
  ['a length of 2 to the 53', SERVER, [0x81, 127, 0, 0x20, 0, 0, 0, 0, 0, 0]],
])('%s is a fault', (_, rules, bytes) => {
  const { parts, fault } = decode([Buffer.from(bytes)], rules);
  expect(parts).toEqual([]);
  expect(fault?.code).toBe(1002);
});

test.each([
  ['126 in four bytes', [0x82, 126, 0, 126], 126],
  ['65536 in ten bytes', [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536],
])('%s is a length', (_, header, length) => {
  const { parts, fault } = decode([Buffer.concat([Buffer.from(header), Buffer.alloc(length)])], SERVER);
  expect(fault).toBeUndefined();
  expect(parts.map((part) => part.payload.length)).toEqual([length]);
});

test('a long frame comes in pieces of one size, unmasked across them, and a long announcement costs nothing', () => {
  const payload = Buffer.alloc(PIECE_BYTES * 2 + 1001, 'abcdefg');
  const bytes = encode([frame(OPCODE.binary, payload)], true);
  for (const pieces of [[bytes], cut(bytes, [1, 7, 15, 70_001, 131_072, 131_083])]) {
    const { parts } = decode(pieces, CLIENT);
    expect(parts.map((part) => [part.isStart, part.isEnd, part.payload.length])).toEqual([
      [true, false, PIECE_BYTES],
      [false, false, PIECE_BYTES],
      [false, true, 1001],
    ]);
    expect(Buffer.concat(parts.map((part) => part.payload)).equals(payload)).toBe(true);
  }
  const decoder = new FrameDecoder(SERVER);
  decoder.feed(Buffer.from([0x82, 127, 0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  expect(decoder.next()).toBeUndefined();
});

test('every frame to a server has a mask of its own', () => {
  const bytes = encode(
    Array.from({ length: 3000 }, () => frame(OPCODE.binary, 'x')),
    true,
  );
  const masks = new Set<number>();
  for (let at = 2; at < bytes.length; at += 7) masks.add(bytes.readUInt32BE(at));
  expect(masks.size).toBeGreaterThan(2990);
});
