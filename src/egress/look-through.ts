// Looks at bytes as they stand and as a receiver might read them: escapes undone, UTF-16 narrowed, runs of base64 and hex
// decoded, what was compressed inside of them inflated. Bounded in depth and in bytes: who hides a credential under more
// layers than these is not stopped here, and could as well encrypt it.
import { constants, gunzipSync, inflateSync } from 'node:zlib';
import { findBlobs, type Blob } from '../policy/content/blobs.ts';
import type { FilterHits } from '../policy/content/literal-filter.ts';
import { escapeAt, unescapeBytes } from '../policy/content/unescape.ts';
import type { Trace, Traces } from './inspect-secrets.ts';

export interface Sighting {
  trace: Trace;
  /** Where it stands in the bytes that it was found in. */
  bytes: Uint8Array;
  position: number;
}

/** What may still be decoded for one body; counted down. */
export interface DecodingBudget {
  /** Bytes in which runs are looked for. */
  searched: number;
  /** Bytes that come out of them. */
  decoded: number;
  longestBlobBytes: number;
}

export function newDecodingBudget(): DecodingBudget {
  return { searched: 4 * 1024 * 1024, decoded: 1024 * 1024, longestBlobBytes: 0 };
}

/** Encodings within encodings that are looked through. */
const MAX_DEPTH = 2;
const MAX_ESCAPE_ROUNDS = 3;
/** On both sides of an escape: more than the longest piece takes when each of its bytes is escaped. */
const ESCAPE_REACH = 448;
const MAX_INFLATED_BYTES = 256 * 1024;
const NUL_SAMPLES = 64;

/** What must be kept of a stream so that an escaped text across the border of two pieces is seen whole. */
export const ESCAPE_OVERLAP_BYTES = 2 * ESCAPE_REACH;

export function lookThrough(
  bytes: Uint8Array,
  traces: Traces,
  budget: DecodingBudget,
  onSighting: (sighting: Sighting) => void,
  depth = MAX_DEPTH,
): void {
  scan(bytes, traces, onSighting, 0);
  if (depth === 0) return;
  const narrow = narrowed(bytes);
  if (narrow !== undefined) lookThrough(narrow, traces, budget, onSighting, depth - 1);
  if (budget.searched <= 0 || budget.decoded <= 0) return;
  budget.searched -= bytes.length;
  for (const blob of findBlobs(bytes)) {
    budget.longestBlobBytes = Math.max(budget.longestBlobBytes, blob.end - blob.start);
    if (budget.decoded <= 0) return;
    for (const decoded of decodeBlob(bytes, blob, budget)) {
      lookThrough(decoded, traces, budget, onSighting, depth - 1);
    }
  }
}

/** Without nested codings; with escapes undone around where they stand, again and again. */
function scan(bytes: Uint8Array, traces: Traces, onSighting: (sighting: Sighting) => void, round: number): void {
  const { filter, meanings, hasKnown, worthUnescaping } = traces;
  let start = 0;
  let end = -1;
  const again = (): void => {
    if (end < 0) return;
    const plain = unescapeBytes(bytes.subarray(start, end));
    scan(plain, traces, onSighting, round + 1);
  };
  const hits: FilterHits = {
    onLiteral(index, position) {
      const trace = meanings[index];
      if (trace === undefined) throw new Error('a literal has no meaning');
      onSighting({ trace, bytes, position });
    },
    onEscape:
      hasKnown && round < MAX_ESCAPE_ROUNDS
        ? (position) => {
            const escape = escapeAt(bytes, position);
            if (escape === undefined || worthUnescaping[escape.byte] === 0) return;
            if (position - ESCAPE_REACH > end) {
              again();
              start = Math.max(0, position - ESCAPE_REACH);
            }
            end = Math.max(end, position + ESCAPE_REACH);
          }
        : undefined,
  };
  filter.scan(bytes, hits);
  again();
}

/** UTF-16 of mostly ASCII text as that text; undefined for anything else. */
function narrowed(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 16) return undefined;
  let nuls = 0;
  const step = Math.max(1, Math.floor(bytes.length / NUL_SAMPLES)) | 1;
  let samples = 0;
  for (let at = 0; at < bytes.length; at += step) {
    samples += 1;
    if (bytes[at] === 0) nuls += 1;
  }
  if (nuls * 4 < samples || nuls * 4 > samples * 3) return undefined;
  return bytes.filter((byte) => byte !== 0);
}

/** Also as JSON writes them, once or within a text of its own; base64 passes over other backslashes. */
const LINE_ENDS = /\\+[nr]|[\r\n\\]+/g;

function decodeBlob(bytes: Uint8Array, { start, end, isHex }: Blob, budget: DecodingBudget): Buffer[] {
  const length = Math.min(end - start, budget.decoded);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length)
    .toString('latin1')
    .replace(LINE_ENDS, '');
  const decoded: Buffer[] = [];
  if (isHex) for (const skip of [0, 1]) decoded.push(Buffer.from(text.slice(skip), 'hex'));
  // Characters of the alphabet may stand in front of the run: each place where it may begin is tried.
  for (const skip of [0, 1, 2, 3]) decoded.push(Buffer.from(text.slice(skip), 'base64'));
  for (const each of [...decoded]) {
    budget.decoded -= each.length;
    const inflated = inflate(each);
    if (inflated === undefined) continue;
    budget.decoded -= inflated.length;
    decoded.push(inflated);
  }
  return decoded;
}

/** What was compressed, or as much of its beginning as fits; undefined for what only begins like compressed data. */
function inflate(bytes: Buffer): Buffer | undefined {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const isZlib = bytes[0] === 0x78 && bytes.length > 2 && bytes.readUInt16BE(0) % 31 === 0;
  if (!isGzip && !isZlib) return undefined;
  // The rest of it may lie in the pieces that are still to come.
  const options = { maxOutputLength: MAX_INFLATED_BYTES, finishFlush: constants.Z_SYNC_FLUSH };
  for (let length = bytes.length; length > 0; length >>= 1) {
    try {
      const beginning = bytes.subarray(0, length);
      return isGzip ? gunzipSync(beginning, options) : inflateSync(beginning, options);
    } catch (error) {
      if (!isTooLarge(error)) return undefined;
    }
  }
  return undefined;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
