// Finds long runs of base64 or hex in bytes by sampling: a run that is long enough cannot lie between the samples.

/** Shorter runs are words and hashes; a credential that was encoded twice is longer. */
export const MIN_BLOB_BYTES = 32;
const STRIDE = MIN_BLOB_BYTES / 2;

const OUTSIDE = 0;
const BASE64 = 1;
const HEX = 2;
const BREAK = 3;
const KINDS = kindsOfBytes();

export interface Blob {
  start: number;
  end: number;
  isHex: boolean;
}

/** Every run of at least MIN_BLOB_BYTES, in order, line ends within it included: as they are, and as JSON writes them. */
export function findBlobs(bytes: Uint8Array): Blob[] {
  const blobs: Blob[] = [];
  let end = 0;
  for (let at = STRIDE - 1; at < bytes.length; at += STRIDE) {
    // A run that is long enough holds two samples in a row and all that lies between them.
    if (at < end || kindAt(bytes, at) === OUTSIDE || kindAt(bytes, at + STRIDE) === OUTSIDE) continue;
    if (kindAt(bytes, at + 8) === OUTSIDE || kindAt(bytes, at + 4) === OUTSIDE || kindAt(bytes, at + 12) === OUTSIDE)
      continue;
    const blob = expand(bytes, at, end);
    if (blob === undefined) continue;
    blobs.push(blob);
    end = blob.end;
  }
  return blobs;
}

function expand(bytes: Uint8Array, at: number, from: number): Blob | undefined {
  let start = at;
  while (start > from && kindAt(bytes, start - 1) !== OUTSIDE) start -= 1;
  let end = at + 1;
  while (end < bytes.length && kindAt(bytes, end) !== OUTSIDE) end += 1;
  if (end - start < MIN_BLOB_BYTES) return undefined;
  let isHex = true;
  for (let position = start; position < end && isHex; position += 1)
    isHex = kindAt(bytes, position) !== BASE64 || isEscapedLineEnd(bytes, position);
  return { start, end, isHex };
}

/** The letter of `\n` or `\r`, written out. */
function isEscapedLineEnd(bytes: Uint8Array, position: number): boolean {
  const byte = bytes[position];
  return (byte === 0x6e || byte === 0x72) && bytes[position - 1] === 0x5c;
}

function kindAt(bytes: Uint8Array, position: number): number {
  return position < bytes.length ? (KINDS[bytes[position] ?? 0] ?? OUTSIDE) : OUTSIDE;
}

function kindsOfBytes(): Uint8Array {
  const kinds = new Uint8Array(256);
  for (const character of 'ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ+/-_') kinds[character.charCodeAt(0)] = BASE64;
  for (const character of '0123456789abcdefABCDEF') kinds[character.charCodeAt(0)] = HEX;
  for (const character of '\r\n\\') kinds[character.charCodeAt(0)] = BREAK;
  return kinds;
}
