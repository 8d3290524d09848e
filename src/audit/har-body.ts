// A body as a HAR shows it: without the compression it was sent in, and as text where it is text. What cannot be decoded
// stays as it was, in base64. It came out of a cage or from an upstream: nothing here may grow beyond its bound.
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';

/** Of what 64 KiB can turn into. */
const MAX_DECODED_BYTES = 1024 * 1024;
const MAX_CODINGS = 3;

export const CUT = 'truncated: more went by than is kept';
const CODED = 'still compressed: it cannot be decoded, or is too large then';

export interface HarBody {
  text: string;
  encoding?: 'base64';
  comment?: string;
}

/** `bytes` is what is kept of the body; also how long that is once it is decoded. */
export function harBody(bytes: Buffer, codings: string, isCut: boolean): { body: HarBody; size: number } {
  const decoded = decode(bytes, codings, isCut);
  const comments = [...(isCut ? [CUT] : []), ...(decoded === undefined ? [CODED] : [])];
  const shown = decoded ?? bytes;
  const body = { ...textOf(shown, isCut), ...(comments.length === 0 ? {} : { comment: comments.join('; ') }) };
  return { body, size: shown.length };
}

/** The coding that was put on last comes off first. */
function decode(bytes: Buffer, codings: string, isCut: boolean): Buffer | undefined {
  const names = codings.toLowerCase().split(',');
  const given = names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  if (given.length > MAX_CODINGS) return undefined;
  try {
    return given.reduceRight((coded, name) => decodeOnce(coded, name, isCut), bytes);
  } catch {
    return undefined;
  }
}

/** Of what is cut, as much as there is. */
function decodeOnce(bytes: Buffer, coding: string, isCut: boolean): Buffer {
  const bound = { maxOutputLength: MAX_DECODED_BYTES };
  const zlib = { ...bound, finishFlush: isCut ? constants.Z_SYNC_FLUSH : constants.Z_FINISH };
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(bytes, zlib);
    case 'deflate':
      // By its standard with zlib’s head, by many servers without.
      return ((bytes[0] ?? 0) & 0x0f) === 8 ? inflateSync(bytes, zlib) : inflateRawSync(bytes, zlib);
    case 'br': {
      const finishFlush = isCut ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_FINISH;
      return brotliDecompressSync(bytes, { ...bound, finishFlush });
    }
    default:
      throw new Error(`${coding} is not decoded here`);
  }
}

/** Text where it is valid UTF-8 without controls that JSON viewers choke on, base64 otherwise. */
function textOf(bytes: Buffer, isCut: boolean): { text: string; encoding?: 'base64' } {
  const text = utf8Of(bytes, isCut);
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  const isText = text !== undefined && !/[\0-\x08\x0e-\x1f]/.test(text);
  return isText ? { text } : { text: bytes.toString('base64'), encoding: 'base64' };
}

/** What is cut may end within a character. */
function utf8Of(bytes: Buffer, isCut: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}
