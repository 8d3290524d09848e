// Takes the values of secrets out of what comes back, as it streams by, and puts their placeholders in. Only a tail that
// could still become a pattern waits for the next bytes, so an event is never held back for a later one.
import { createLiteralFilter, type LiteralFilter } from '../policy/content/literal-filter.ts';
import type { SecretBinding } from '../secrets/types.ts';
import { secretVariants } from './secret-variants.ts';

/** What is looked for, by the numbers that the filter knows it by. */
interface Patterns {
  patterns: readonly Pattern[];
  filter: LiteralFilter;
}

interface Pattern {
  bytes: Buffer;
  replacement: Buffer;
  /** Knuth-Morris-Pratt failure table. */
  borders: Int32Array;
}

export interface Redactor {
  /** For short text such as a header value (latin1). */
  text(value: string): string;
  /** The same for a name in lower case, which has lost the case of what it was made of. */
  name(value: string): string;
  /** A new stream of its own. */
  stream(): RedactionStream;
  /** The same with blanks of equal length instead of placeholders, for a protocol that counts bytes. */
  blankingStream(): RedactionStream;
}

export interface RedactionStream {
  /** What may be passed on now. */
  push(bytes: Buffer): Buffer[];
  /** What was held back, once there is nothing more to come. */
  finish(): Buffer[];
}

/** Knows every value of one generation of settings. */
export function createRedactor(
  bindings: readonly SecretBinding[],
  secretValues: Readonly<Record<string, string>>,
): Redactor {
  const patterns = Object.entries(secretValues).flatMap(([name, value]) => {
    const placeholder = bindings.find((binding) => binding.name === name)?.placeholder ?? `[secret ${name}]`;
    const replacement = Buffer.from(placeholder, 'utf8');
    return secretVariants(value).map((bytes) => ({ bytes, replacement, borders: bordersOf(bytes) }));
  });
  const literals = patterns.map(({ bytes }) => bytes);
  const filter = createLiteralFilter(literals, { escapes: false });
  const replacing: Patterns = { patterns, filter };
  const blanked = patterns.map((pattern) => ({ ...pattern, replacement: Buffer.alloc(pattern.bytes.length, '*') }));
  const blanking: Patterns = { patterns: blanked, filter };
  let lowered: Patterns | undefined;
  return {
    text: (value) => (patterns.length === 0 ? value : textWithout(value, replacing)),
    name: (value) => (patterns.length === 0 ? value : textWithout(value, (lowered ??= inLowerCase(patterns)))),
    stream: () => createStream(replacing),
    blankingStream: () => createStream(blanking),
  };
}

function textWithout(value: string, patterns: Patterns): string {
  const { pieces, rest } = replaceAll(Buffer.from(value, 'latin1'), patterns);
  return pieces.length === 0 ? value : Buffer.concat([...pieces, rest]).toString('latin1');
}

function inLowerCase(patterns: readonly Pattern[]): Patterns {
  const lower = patterns.map(({ bytes, replacement, borders }) => {
    return { bytes: Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1'), replacement, borders };
  });
  const literals = lower.map(({ bytes }) => bytes);
  return { patterns: lower, filter: createLiteralFilter(literals, { escapes: false }) };
}

function createStream(patterns: Patterns): RedactionStream {
  let held: Buffer = Buffer.alloc(0);
  return {
    push(bytes) {
      const { pieces, rest } = replaceAll(held.length === 0 ? bytes : Buffer.concat([held, bytes]), patterns);
      const heldBytes = livePrefixBytes(rest, patterns);
      // A copy: a view of a few bytes would keep the whole piece in memory.
      held = Buffer.from(rest.subarray(rest.length - heldBytes));
      if (heldBytes < rest.length) pieces.push(rest.subarray(0, rest.length - heldBytes));
      return pieces;
    },
    finish() {
      const last = held;
      held = Buffer.alloc(0);
      return last.length === 0 ? [] : [last];
    },
  };
}

/** The text before the last hit with every hit replaced, and the text behind it. The earliest hit counts, then the longest. */
function replaceAll(bytes: Buffer, { patterns, filter }: Patterns): { pieces: Buffer[]; rest: Buffer } {
  const hits: { position: number; pattern: Pattern }[] = [];
  filter.scan(bytes, {
    onLiteral(index, position) {
      const pattern = patterns[index];
      if (pattern !== undefined) hits.push({ position, pattern });
    },
  });
  if (hits.length === 0) return { pieces: [], rest: bytes };
  hits.sort((a, b) => a.position - b.position || b.pattern.bytes.length - a.pattern.bytes.length);
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { position, pattern } of hits) {
    if (position < at) continue;
    if (position > at) pieces.push(bytes.subarray(at, position));
    pieces.push(pattern.replacement);
    at = position + pattern.bytes.length;
  }
  return { pieces, rest: bytes.subarray(at) };
}

/** Length of the longest tail of `bytes` that some pattern begins with. */
function livePrefixBytes(bytes: Buffer, { patterns }: Patterns): number {
  let longest = 0;
  for (const { bytes: pattern, borders } of patterns) {
    let matched = 0;
    for (let index = Math.max(0, bytes.length - pattern.length + 1); index < bytes.length; index += 1) {
      while (matched > 0 && pattern[matched] !== bytes[index]) matched = borders[matched - 1] ?? 0;
      if (pattern[matched] === bytes[index]) matched += 1;
    }
    longest = Math.max(longest, matched);
  }
  return longest;
}

function bordersOf(pattern: Buffer): Int32Array {
  const borders = new Int32Array(pattern.length);
  let matched = 0;
  for (let index = 1; index < pattern.length; index += 1) {
    while (matched > 0 && pattern[matched] !== pattern[index]) matched = borders[matched - 1] ?? 0;
    if (pattern[matched] === pattern[index]) matched += 1;
    borders[index] = matched;
  }
  return borders;
}
