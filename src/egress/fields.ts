// Header fields of HTTP/1, strictly: what two implementations could read in two ways is refused, never repaired.
import type { Refusal } from './refusal.ts';

export interface Field {
  /** Lower case. */
  readonly name: string;
  /** As the sender wrote it; only for sending on. */
  readonly spelled: string;
  readonly value: string;
}

/** How a side's broken bytes are reported: the cage's as 400, the upstream's as 502. */
export type Fault = (reason: string, status?: number) => Refusal;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const FORBIDDEN_IN_LINE = /[\0-\x08\x0a-\x1f\x7f]/;

/** Splits a head (latin1 text up to and with its empty line) into lines; refuses bare CR, bare LF and other controls. */
export function splitHead(text: string, fault: Fault): string[] {
  const lines = text.slice(0, -4).split('\r\n');
  for (const line of lines) {
    if (FORBIDDEN_IN_LINE.test(line)) throw fault('a control character or a bare line end in the message head');
  }
  return lines;
}

/** Parses field lines, from `first` on. */
export function parseFields(lines: readonly string[], first: number, maxHeaders: number, fault: Fault): Field[] {
  if (lines.length - first > maxHeaders) throw fault(`more than ${maxHeaders} header fields`, 431);
  const fields: Field[] = [];
  for (let index = first; index < lines.length; index += 1) fields.push(parseField(lines[index] ?? '', fault));
  return fields;
}

function parseField(line: string, fault: Fault): Field {
  if (line.startsWith(' ') || line.startsWith('\t')) throw fault('a folded header line');
  const colon = line.indexOf(':');
  if (colon <= 0) throw fault('a header line without a name');
  const spelled = line.slice(0, colon);
  if (!TOKEN.test(spelled)) throw fault('a header name with characters that may not be in one');
  return { name: spelled.toLowerCase(), spelled, value: trimBlanks(line, colon + 1) };
}

/** Whether name and value could stand in a header line of HTTP/1 and mean there what they mean here. */
export function isPlainField(name: string, value: string): boolean {
  // A character beyond one byte would be written as another one.
  return (
    TOKEN.test(name) && !FORBIDDEN_IN_LINE.test(value) && !/[^\0-\xff]/.test(value) && value === trimBlanks(value, 0)
  );
}

/** A loop, not a pattern: patterns for trailing blanks are quadratic on long runs of them. */
function trimBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

export function fieldValues(fields: readonly Field[], name: string): string[] {
  const values: string[] = [];
  for (const field of fields) if (field.name === name) values.push(field.value);
  return values;
}

/** The members of a comma-separated list over all fields of that name, lower case, empty ones left out. */
export function listMembers(fields: readonly Field[], name: string): string[] {
  const members: string[] = [];
  for (const field of fields) {
    if (field.name !== name) continue;
    for (const part of field.value.split(',')) {
      const member = trimBlanks(part, 0).toLowerCase();
      if (member !== '') members.push(member);
    }
  }
  return members;
}

/** Fields that speak about one connection, or that we write ourselves: none of them is ever sent on. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'http2-settings',
  'host',
  'expect',
]);

/** Naming one of these in Connection would change what the message is. */
const NEVER_NAMED: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'authorization']);

/** What may go on to the other side: hop-by-hop fields and those that Connection names are left out. */
export function forwardableFields(fields: readonly Field[], fault: Fault): Field[] {
  const named = listMembers(fields, 'connection');
  for (const name of named) {
    if (NEVER_NAMED.has(name)) throw fault(`the Connection header names ${name}`);
  }
  return fields.filter(
    ({ name }) => !NOT_FORWARDED.has(name) && !name.startsWith('proxy-') && !(named.length > 0 && named.includes(name)),
  );
}

/** What may not stand behind a body, where it comes too late to be judged or obeyed (RFC 9110, section 6.5.1). */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...NOT_FORWARDED,
  ...['authorization', 'cookie', 'set-cookie', 'www-authenticate', 'range', 'cache-control', 'max-forwards', 'age'],
  ...['content-encoding', 'content-type', 'content-range', 'location', 'x-api-key', 'date', 'expires', 'vary'],
]);

/** Trailers that may go on; the others are left out. */
export function forwardableTrailers(fields: readonly Field[]): readonly Field[] {
  if (fields.length === 0) return fields;
  return fields.filter(({ name }) => !NOT_IN_TRAILERS.has(name) && !name.startsWith('proxy-'));
}
