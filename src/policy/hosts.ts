// One spelling per host, so that a rule, a certificate, an SNI and a Host header can be compared as text.
// What has two readings (numeric address forms, odd IDNA, underscores) is refused, never guessed.
import { formatAddress, parseAddress } from './addresses.ts';

/** RFC 1035: bytes of a whole name without its trailing dot. */
const MAX_HOST_BYTES = 253;
/** Longer than any name whose A-label form could still fit. */
const MAX_INPUT_CHARACTERS = 1024;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A name whose last label looks like this is read as an IPv4 address by URL parsers and by inet_aton. */
const NUMERIC_LABEL = /^(?:\d+|0x[0-9a-f]*)$/;
// oxlint-disable-next-line no-control-regex -- the range is the definition of ASCII
const ASCII_ONLY = /^[\x00-\x7f]*$/;

/**
 * The canonical form of a host: A-labels, lower case, no trailing dot; or an address literal, IPv6 without brackets.
 * Undefined for everything that is not exactly one host.
 */
export function normaliseHost(text: string): string | undefined {
  if (text.length === 0 || text.length > MAX_INPUT_CHARACTERS) return undefined;
  if (text.includes(':')) return normaliseIpv6(text);
  const isAscii = ASCII_ONLY.test(text);
  const ascii = isAscii ? text.toLowerCase() : toAscii(text);
  if (ascii === undefined) return undefined;
  const host = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
  if (host.length > MAX_HOST_BYTES) return undefined;
  const labels = host.split('.');
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  if (NUMERIC_LABEL.test(labels.at(-1) ?? '')) {
    return isAscii && host === ascii && parseAddress(host) !== undefined ? host : undefined;
  }
  if (labels.some((label) => label.startsWith('xn--')) && toAscii(host) !== host) return undefined;
  return host;
}

/** Whether a canonical host is an address rather than a name. */
export function isAddressLiteral(host: string): boolean {
  return parseAddress(host) !== undefined;
}

/** Whether a canonical host fits a pattern: exact, `*.name` for exactly one label more, `**.name` for one or more. */
export function matchesHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*')) return pattern === host;
  if (isAddressLiteral(host)) return false;
  const anyDepth = pattern.startsWith('**.');
  if (!anyDepth && !pattern.startsWith('*.')) return false;
  const suffix = pattern.slice(anyDepth ? 2 : 1);
  if (suffix.includes('*') || suffix.length < 2 || !host.endsWith(suffix)) return false;
  const rest = host.slice(0, -suffix.length);
  return rest !== '' && (anyDepth || !rest.includes('.'));
}

function normaliseIpv6(text: string): string | undefined {
  const bracketed = text.startsWith('[') && text.endsWith(']');
  const bytes = parseAddress(bracketed ? text.slice(1, -1) : text);
  return bytes === undefined ? undefined : formatAddress(bytes);
}

/** UTS 46 by the platform's own URL parser; undefined where that fails or where the text is more than a name. */
function toAscii(text: string): string | undefined {
  // Checked before parsing: the parser strips or interprets these instead of refusing them.
  for (const character of text) {
    if (ASCII_ONLY.test(character) ? !/[A-Za-z0-9.-]/.test(character) : /[\p{C}\p{Z}]/u.test(character)) {
      return undefined;
    }
  }
  try {
    return new URL(`http://${text}/`).hostname;
  } catch {
    return undefined;
  }
}

/** Whether a canonical host is one of the names or lies below one. Takes time by the host's labels, not by the names. */
export function isBelowAny(names: ReadonlySet<string>, host: string): boolean {
  for (let rest = host; ;) {
    if (names.has(rest)) return true;
    const dot = rest.indexOf('.');
    if (dot < 0) return false;
    rest = rest.slice(dot + 1);
  }
}
