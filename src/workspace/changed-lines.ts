// The lines of a file that are new, and a few of them for people: telling ones first, each made printable, cut to a width. Counted by
// line and not by place, so that a line that only moved is none.
import { printableLine } from '../platform/text.ts';
import type { FindingLine } from './finding.ts';

const MAX_LINES = 5;
const MAX_CHARACTERS = 160;
/** What stands before the telling part of a long line. */
const LEAD_CHARACTERS = 40;

export interface NewLine {
  /** Counted from 1. */
  line: number;
  text: string;
}

export function newLines(before: Buffer | undefined, after: Buffer): NewLine[] {
  const present = new Map<string, number>();
  for (const text of before === undefined ? [] : linesOf(before)) present.set(text, (present.get(text) ?? 0) + 1);
  return linesOf(after).flatMap((text, index) => {
    const left = present.get(text) ?? 0;
    if (left > 0) present.set(text, left - 1);
    return left > 0 || text.trim() === '' ? [] : [{ line: index + 1, text }];
  });
}

function linesOf(bytes: Buffer): string[] {
  return bytes.toString('utf8').split('\n');
}

/** A few of `lines`, those that `telling` finds before the others, in the order of the file. */
export function showLines(
  lines: readonly NewLine[],
  telling: RegExp | undefined,
): { lines: FindingLine[]; moreLines: number } {
  const at = (text: string): number => (telling === undefined ? -1 : text.search(telling));
  const first: NewLine[] = [];
  const rest: NewLine[] = [];
  for (const line of lines) {
    if (first.length === MAX_LINES) break;
    if (at(line.text) >= 0) first.push(line);
    else if (rest.length < MAX_LINES) rest.push(line);
  }
  const shown = [...first, ...rest].slice(0, MAX_LINES).sort((a, b) => a.line - b.line);
  return {
    lines: shown.map(({ line, text }) => ({ line, text: cut(text, at(text)) })),
    moreLines: lines.length - shown.length,
  };
}

/** Cut before it is made printable, so that a long line costs no more than a short one, and once more after. */
function cut(text: string, telling: number): string {
  const start = telling > MAX_CHARACTERS - LEAD_CHARACTERS ? telling - LEAD_CHARACTERS : 0;
  const part = printableLine(text.slice(start, start + MAX_CHARACTERS).trimEnd());
  const whole = start + MAX_CHARACTERS >= text.length && part.length <= MAX_CHARACTERS;
  return `${start > 0 ? '…' : ''}${Array.from(part).slice(0, MAX_CHARACTERS).join('')}${whole ? '' : '…'}`;
}
