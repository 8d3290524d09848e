// Names in an archive. A file's name is bytes: what is no UTF-8, a control character or a percent sign is written as %XX, so that every name
// has one spelling and can be listed by any tar.
import { isUtf8 } from 'node:buffer';
import { refused } from './refusal.ts';

/** A path below a directory, as names of one character per byte. */
export type NameBytes = readonly string[];

const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 4095;
/** Each level keeps a directory open. */
export const MAX_DEPTH = 400;

/** `bytes`: one character per byte; also a link's target. */
export function encodeBytes(bytes: string): string {
  const raw = Buffer.from(bytes, 'latin1');
  if (!isUtf8(raw)) return bytes.replace(/[^ -~]|%/g, escape);
  return raw
    .toString('utf8')
    .replace(/[%\p{Cc}]/gu, (character) => (character.charCodeAt(0) < 0x80 ? escape(character) : character));
}

function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** The bytes of an encoded text; undefined for a second spelling of them. */
export function decodeBytes(text: string): string | undefined {
  const bytes = Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return encodeBytes(bytes) === text ? bytes : undefined;
}

/** Throws for every path that could lead anywhere but below where it is put, or that is not as ironcage writes it. */
export function parseEntryPath(text: string): NameBytes {
  const names = text.split('/').map((part) => {
    const name = decodeBytes(part);
    if (name === undefined) throw refused('its name is not written as ironcage writes names', text);
    if (name === '') throw refused('its path is absolute, empty or has an empty part', text);
    if (name === '.' || name === '..') throw refused('its path leads out of where it belongs', text);
    if (/[/\0]/.test(name)) throw refused('its name holds a separator', text);
    if (name.length > MAX_NAME_BYTES) throw refused(`a name in its path is longer than ${MAX_NAME_BYTES} bytes`, text);
    return name;
  });
  if (names.length > MAX_DEPTH) throw refused(`it is nested more than ${MAX_DEPTH} deep`, text);
  if (names.join('/').length > MAX_PATH_BYTES) throw refused(`its path is longer than ${MAX_PATH_BYTES} bytes`, text);
  return names;
}
