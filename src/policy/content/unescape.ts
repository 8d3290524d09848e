// Undoes percent-, JSON- and HTML-escapes, all in one pass and in any mixture, for looking through only: what a receiver
// makes of the bytes is its own affair. Total: whatever is no escape stays as it is.
import { isHexDigit } from './literal-filter.ts';

const NAMED: readonly (readonly [name: string, byte: number])[] = [
  ['amp;', 0x26],
  ['apos;', 0x27],
  ['gt;', 0x3e],
  ['lt;', 0x3c],
  ['quot;', 0x22],
];
/** Zeroes may stand before a number: a reader takes any count of them. */
const MAX_REFERENCE_DIGITS = 8;

/** The byte that the escape at `position` stands for, and the escape's length; undefined: none, or of no single byte. */
export function escapeAt(bytes: Uint8Array, position: number): { byte: number; length: number } | undefined {
  switch (bytes[position] ?? 0) {
    case 0x25:
      return hexEscape(bytes, position, 1, 2);
    case 0x5c:
      return backslashEscape(bytes, position);
    case 0x26:
      return bytes[position + 1] === 0x23 ? numericReference(bytes, position) : namedReference(bytes, position);
    default:
      return undefined;
  }
}

/** The bytes with one layer of escapes undone; the same object where there is none. */
export function unescapeBytes(bytes: Uint8Array): Uint8Array {
  let output: Uint8Array | undefined;
  let filled = 0;
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] ?? 0;
    const escape = byte === 0x25 || byte === 0x5c || byte === 0x26 ? escapeAt(bytes, at) : undefined;
    if (escape !== undefined && output === undefined) {
      output = new Uint8Array(bytes.length);
      output.set(bytes.subarray(0, at));
      filled = at;
    }
    if (output !== undefined) {
      output[filled] = escape?.byte ?? byte;
      filled += 1;
    }
    at += escape?.length ?? 1;
  }
  return output === undefined ? bytes : output.subarray(0, filled);
}

function backslashEscape(bytes: Uint8Array, position: number): { byte: number; length: number } | undefined {
  switch (bytes[position + 1] ?? 0) {
    case 0x2f:
    case 0x22:
    case 0x5c:
      return { byte: bytes[position + 1] ?? 0, length: 2 };
    case 0x6e:
      return { byte: 0x0a, length: 2 };
    case 0x78:
      return hexEscape(bytes, position, 2, 2);
    case 0x75:
      return hexEscape(bytes, position, 2, 4);
    default:
      return undefined;
  }
}

function hexEscape(
  bytes: Uint8Array,
  position: number,
  prefix: number,
  digits: number,
): { byte: number; length: number } | undefined {
  let value = 0;
  for (let index = 0; index < digits; index += 1) {
    const digit = bytes[position + prefix + index] ?? 0;
    if (!isHexDigit(digit)) return undefined;
    value = value * 16 + Number.parseInt(String.fromCharCode(digit), 16);
  }
  return value > 0xff ? undefined : { byte: value, length: prefix + digits };
}

function numericReference(bytes: Uint8Array, position: number): { byte: number; length: number } | undefined {
  const isHex = ((bytes[position + 2] ?? 0) | 0x20) === 0x78;
  const start = position + (isHex ? 3 : 2);
  let text = '';
  let at = start;
  for (; at < start + MAX_REFERENCE_DIGITS; at += 1) {
    const digit = bytes[at] ?? 0;
    if (!isHexDigit(digit) || (!isHex && digit > 0x39)) break;
    text += String.fromCharCode(digit);
  }
  const value = Number.parseInt(text, isHex ? 16 : 10);
  if (Number.isNaN(value) || value > 0xff) return undefined;
  // Readers forgive a missing semicolon.
  return { byte: value, length: at - position + (bytes[at] === 0x3b ? 1 : 0) };
}

function namedReference(bytes: Uint8Array, position: number): { byte: number; length: number } | undefined {
  const found = NAMED.find(([name]) => {
    for (let index = 0; index < name.length; index += 1) {
      if (bytes[position + 1 + index] !== name.charCodeAt(index)) return false;
    }
    return true;
  });
  return found === undefined ? undefined : { byte: found[1], length: found[0].length + 1 };
}
