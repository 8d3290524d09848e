// How what is kept of exchanges lies on disk: frames one after the other, each of a length, a kind, the seq of the decision
// it belongs to, a time, and bytes. Written by the egress, read by the host, which trusts none of it.

export const CAPTURE_FILE = 'capture.bin';
/** The file before the present one. */
export const CAPTURE_FILE_BEFORE = 'capture.1.bin';

export const FRAME = {
  /** Text: request line, then one field a line. */
  request: 1,
  requestBody: 2,
  /** Text: status line, then one field a line. */
  response: 3,
  responseBody: 4,
  messageOutText: 5,
  messageOutBinary: 6,
  messageInText: 7,
  messageInBinary: 8,
  end: 9,
  /** More of this body or message went by than is kept; no bytes. */
  requestCut: 10,
  responseCut: 11,
  /** Frames before this one were dropped because the disk did not keep up; seq 0. */
  gap: 12,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

/** Length of the bytes, kind, seq, milliseconds since 1970. */
export const HEADER_BYTES = 4 + 1 + 6 + 8;
/** Longer frames are not written, and not believed. */
export const MAX_FRAME_BYTES = 1024 * 1024;

const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));

export function writeFrameHeader(
  target: Buffer,
  at: number,
  bytes: number,
  kind: FrameKind,
  seq: number,
  timeMs: number,
): void {
  target.writeUInt32BE(bytes, at);
  target.writeUInt8(kind, at + 4);
  target.writeUIntBE(seq, at + 5, 6);
  target.writeDoubleBE(timeMs, at + 11);
}

export interface FrameHeader {
  bytes: number;
  kind: FrameKind;
  seq: number;
  timeMs: number;
}

/** Undefined for what is no header of a frame. */
export function readFrameHeader(source: Buffer, at: number): FrameHeader | undefined {
  if (at + HEADER_BYTES > source.length) return undefined;
  const bytes = source.readUInt32BE(at);
  const kind = source.readUInt8(at + 4);
  const seq = source.readUIntBE(at + 5, 6);
  const timeMs = source.readDoubleBE(at + 11);
  if (bytes > MAX_FRAME_BYTES || !isKind(kind) || !(timeMs >= 0 && timeMs < 8.64e15)) return undefined;
  return { bytes, kind, seq, timeMs };
}

function isKind(kind: number): kind is FrameKind {
  return KINDS.has(kind);
}
