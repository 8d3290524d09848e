// Contents that are not what they look like: hidden characters, sequences that steer a terminal, text that passes for binary.
import { countHidden } from './hidden-unicode.ts';
import type { NewLine } from './changed-lines.ts';

/** Controls but tab, line feed, form feed and a carriage return at the end of a line; and the 8-bit ones. */
const TERMINAL = /[\0-\x08\x0b\x0e-\x1f\x7f\x80-\x9f]|\r(?!$)/; // oxlint-disable-line no-control-regex -- they are what is looked for

export function hiddenLines(lines: readonly NewLine[]): NewLine[] {
  // A byte order mark counts as ordinary only where it begins the file.
  return lines.filter(({ line, text }) => countHidden(line === 1 ? text : `\n${text}`) > 0);
}

export function terminalLines(lines: readonly NewLine[]): NewLine[] {
  return lines.filter(({ text }) => TERMINAL.test(text));
}

export function steersTerminal(text: string): boolean {
  return TERMINAL.test(text) || text.includes('\n') || text.includes('\t');
}

/** How much of a file is looked at. */
const SAMPLE_BYTES = 64 * 1024;
/** Share of bytes that text does not have, below which a file is text with something put in. */
const ODD_SHARE = 0.02;

/** Whether a file that counts as binary reads as text: a single NUL keeps it out of every diff. */
export function passesForBinary(contents: Buffer): boolean {
  const sample = contents.subarray(0, SAMPLE_BYTES);
  if (sample.length < 16) return false;
  let odd = 0;
  for (const byte of sample) if (byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte !== 0x1b) || byte >= 0x7f) odd++;
  return odd / sample.length < ODD_SHARE;
}
