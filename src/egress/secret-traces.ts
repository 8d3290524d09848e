// What gives a known secret away in what a cage sends: pieces of its value in every usual encoding. A piece ends before the
// value does, so that a value which leaves in small portions is caught while a part that nobody could guess is still here.
import { base64Alignments } from './secret-variants.ts';

/** Shorter pieces would hit ordinary text; values shorter than this are not looked for. */
const MIN_TRACE_BYTES = 6;
const MIN_PIECE_BYTES = 12;
/** Longer ones find no more. */
const MAX_PIECE_BYTES = 48;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Exact byte patterns, each once. */
export function secretTraces(value: string): Buffer[] {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length < MIN_TRACE_BYTES) return [];
  const piece = tellingPiece(bytes);
  const reversed = tellingPiece(Buffer.from(bytes.toReversed()));
  const hex = piece.toString('hex');
  const text = piece.toString('latin1');
  const texts = [hex, hex.toUpperCase(), JSON.stringify(text).slice(1, -1), ...base64Alignments(piece)];
  for (const alignment of base32Alignments(piece)) texts.push(alignment, alignment.toLowerCase());
  const patterns = new Map<string, Buffer>();
  const encoded = texts.map((each) => Buffer.from(each, 'latin1'));
  const wide = Buffer.from(text, 'utf16le');
  for (const pattern of [piece, reversed, ...encoded, wide, Buffer.from(wide).swap16()]) {
    if (pattern.length >= MIN_TRACE_BYTES) patterns.set(pattern.toString('latin1'), pattern);
  }
  return [...patterns.values()];
}

/** The bytes up to two thirds of the value: what ends there cannot be guessed on from it. */
function tellingPiece(bytes: Buffer): Buffer {
  const end = Math.min(bytes.length, Math.max(MIN_PIECE_BYTES, Math.ceil((bytes.length * 2) / 3)));
  return bytes.subarray(Math.max(0, end - MAX_PIECE_BYTES), end);
}

/** The characters that depend on the bytes alone, for each of the five places where they may begin in a group. */
export function base32Alignments(bytes: Buffer): string[] {
  return [0, 1, 2, 3, 4].map((offset) => {
    const start = Math.ceil((offset * 8) / 5);
    const end = Math.floor(((offset + bytes.length) * 8) / 5);
    return base32(Buffer.concat([Buffer.alloc(offset), bytes])).slice(start, end);
  });
}

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(value >> bits) & 31] ?? '';
    }
  }
  return bits === 0 ? text : text + (BASE32[(value << (5 - bits)) & 31] ?? '');
}
