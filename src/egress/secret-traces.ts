// What gives a known secret away in what a cage sends: pieces of its value in every usual encoding. A piece ends before the
// value does, so that a value which leaves in small portions is caught while a part that nobody could guess is still here.
import { base32Alignments, base64Alignments } from './secret-variants.ts';

/** Shorter pieces would hit ordinary text; values shorter than this are not looked for. */
const MIN_TRACE_BYTES = 6;
const MIN_PIECE_BYTES = 12;
/** Longer ones find no more. */
const MAX_PIECE_BYTES = 48;

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
