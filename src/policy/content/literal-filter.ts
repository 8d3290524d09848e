// Finds many literals in bytes at once, at memory's speed: every second pair of bytes is looked up in a table, and only where
// that says so are three bytes compared, then the whole. Exact: it reports every occurrence and nothing else. Also reports
// escape characters, whose places cost nothing extra here. Pure: it knows nothing of what the literals mean.

export interface LiteralFilter {
  /** Calls `onLiteral` for each occurrence and `onEscape` for each escape, in no promised order. */
  scan(bytes: Uint8Array, hits: FilterHits): void;
  readonly maxLiteralBytes: number;
}

export interface FilterHits {
  onLiteral(index: number, position: number): void;
  /** `%`, `&` and `\` that stand before something that reads as an escape. */
  onEscape?: ((position: number) => void) | undefined;
}

/** The two places of a pair within the three bytes that stand for a literal. */
const FIRST = 1;
const SECOND = 2;
/** The pair begins, or ends, with an escape character. */
const ESCAPE_FIRST = 4;
const ESCAPE_SECOND = 8;

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;
/** `#`, and the letters that the five names known to every reader begin with. */
const AFTER_AMPERSAND: ReadonlySet<number> = new Set([0x23, 0x61, 0x67, 0x6c, 0x71]);
/** `u`, `x`, `/`: the others stand for what is in no credential. */
const AFTER_BACKSLASH: ReadonlySet<number> = new Set([0x75, 0x78, 0x2f]);
const KEY_BITS = 14;

interface Entry {
  index: number;
  literal: Uint8Array;
  /** Where in the literal its three bytes stand. */
  offset: number;
}

/** Throws for a literal of fewer than three bytes. `escapes`: whether escape characters are looked for. */
export function createLiteralFilter(literals: readonly Uint8Array[], { escapes }: { escapes: boolean }): LiteralFilter {
  const pairs = new Uint8Array(65_536);
  const buckets: (Entry[] | undefined)[] = [];
  const occupied = new Uint8Array(1 << KEY_BITS);
  let maxLiteralBytes = 0;
  literals.forEach((literal, index) => {
    if (literal.length < 3) throw new Error('a literal is too short to be looked for');
    maxLiteralBytes = Math.max(maxLiteralBytes, literal.length);
    const offset = cheapestOffset(literal, pairs);
    const [a, b, c] = [byteAt(literal, offset), byteAt(literal, offset + 1), byteAt(literal, offset + 2)];
    mark(pairs, a, b, FIRST);
    mark(pairs, b, c, SECOND);
    const key = keyOf(a, b, c);
    occupied[key] = 1;
    (buckets[key] ??= []).push({ index, literal, offset });
  });
  if (escapes) {
    for (let other = 0; other < 256; other += 1) {
      for (const escape of [PERCENT, AMPERSAND, BACKSLASH]) mark(pairs, other, escape, ESCAPE_SECOND);
      if (isHexDigit(other)) mark(pairs, PERCENT, other, ESCAPE_FIRST);
    }
    for (const next of AFTER_AMPERSAND) mark(pairs, AMPERSAND, next, ESCAPE_FIRST);
    for (const next of AFTER_BACKSLASH) mark(pairs, BACKSLASH, next, ESCAPE_FIRST);
  }

  function compare(bytes: Uint8Array, start: number, hits: FilterHits): void {
    if (start < 0 || start + 3 > bytes.length) return;
    const key = keyOf(byteAt(bytes, start), byteAt(bytes, start + 1), byteAt(bytes, start + 2));
    if (occupied[key] === 0) return;
    for (const { index, literal, offset } of buckets[key] ?? []) {
      if (isAt(literal, bytes, start - offset)) hits.onLiteral(index, start - offset);
    }
  }

  function look(bytes: Uint8Array, position: number, flags: number, hits: FilterHits): void {
    if ((flags & FIRST) !== 0) compare(bytes, position, hits);
    if ((flags & SECOND) !== 0) compare(bytes, position - 1, hits);
    if (flags < ESCAPE_FIRST || hits.onEscape === undefined) return;
    if ((flags & ESCAPE_FIRST) !== 0) hits.onEscape(position);
    if ((flags & ESCAPE_SECOND) !== 0 && isEscape(bytes, position + 1)) hits.onEscape(position + 1);
  }

  return {
    maxLiteralBytes,
    scan(bytes, hits) {
      if (bytes.length < 3) return;
      // Pairs are read as words at even addresses. Which parity that is does not matter: of three bytes in a row, exactly
      // one pair begins at an even address.
      const skipped = bytes.byteOffset & 1;
      const words = new Uint16Array(bytes.buffer, bytes.byteOffset + skipped, (bytes.length - skipped) >> 1);
      const unrolled = words.length & ~3;
      if (skipped === 1) lookAtFirst(bytes, hits);
      let at = 0;
      for (; at < unrolled; at += 4) {
        const first = pairs[words[at] ?? 0] ?? 0;
        const second = pairs[words[at + 1] ?? 0] ?? 0;
        const third = pairs[words[at + 2] ?? 0] ?? 0;
        const fourth = pairs[words[at + 3] ?? 0] ?? 0;
        if ((first | second | third | fourth) === 0) continue;
        const position = skipped + at * 2;
        if (first !== 0) look(bytes, position, first, hits);
        if (second !== 0) look(bytes, position + 2, second, hits);
        if (third !== 0) look(bytes, position + 4, third, hits);
        if (fourth !== 0) look(bytes, position + 6, fourth, hits);
      }
      for (; at < words.length; at += 1) look(bytes, skipped + at * 2, pairs[words[at] ?? 0] ?? 0, hits);
    },
  };

  /** An escape that is the first byte at an odd address ends a pair that begins before the bytes do. */
  function lookAtFirst(bytes: Uint8Array, hits: FilterHits): void {
    if (escapes && isEscape(bytes, 0)) hits.onEscape?.(0);
  }
}

/** Whether an escape character there is followed by what makes it an escape. */
function isEscape(bytes: Uint8Array, position: number): boolean {
  const next = bytes[position + 1];
  if (next === undefined) return false;
  switch (bytes[position] ?? 0) {
    case PERCENT:
      return isHexDigit(next);
    case AMPERSAND:
      return AFTER_AMPERSAND.has(next);
    case BACKSLASH:
      return AFTER_BACKSLASH.has(next);
    default:
      return false;
  }
}

/** Prefers pairs that are looked for already: they cost nothing more. Then those that ordinary text has least of. */
function cheapestOffset(literal: Uint8Array, pairs: Uint8Array): number {
  let best = 0;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let offset = 0; offset + 3 <= literal.length; offset += 1) {
    const [a, b, c] = [byteAt(literal, offset), byteAt(literal, offset + 1), byteAt(literal, offset + 2)];
    const cost = addedCost(pairs, a, b) + addedCost(pairs, b, c);
    if (cost < bestCost) {
      best = offset;
      bestCost = cost;
    }
  }
  return best;
}

function addedCost(pairs: Uint8Array, a: number, b: number): number {
  return pairs[a | (b << 8)] === 0 ? pairCost(a, b) : 0;
}

/** How common a pair is in code and prose, roughly: by the kinds of its characters. */
function pairCost(a: number, b: number): number {
  return byteCost(a) * byteCost(b) * (kindOf(a) === kindOf(b) ? 2 : 1);
}

function byteCost(byte: number): number {
  switch (kindOf(byte)) {
    case 'lower':
      return 'etaoinsrlcdu'.includes(String.fromCharCode(byte)) ? 8 : 4;
    case 'space':
      return 12;
    case 'nul':
      return 10;
    case 'digit':
    case 'punctuation':
      return 3;
    case 'upper':
      return 2;
    case 'other':
      return 1;
    default:
      return 12;
  }
}

function kindOf(byte: number): 'lower' | 'upper' | 'digit' | 'space' | 'nul' | 'punctuation' | 'other' {
  if (byte >= 0x61 && byte <= 0x7a) return 'lower';
  if (byte >= 0x41 && byte <= 0x5a) return 'upper';
  if (byte >= 0x30 && byte <= 0x39) return 'digit';
  if (byte === 0x20 || byte === 0x0a) return 'space';
  if (byte === 0) return 'nul';
  return byte > 0x20 && byte < 0x7f ? 'punctuation' : 'other';
}

function mark(pairs: Uint8Array, first: number, second: number, flag: number): void {
  const word = first | (second << 8);
  pairs[word] = (pairs[word] ?? 0) | flag;
}

function keyOf(a: number, b: number, c: number): number {
  return (a ^ (b << 3) ^ (c << 6)) & ((1 << KEY_BITS) - 1);
}

function isAt(literal: Uint8Array, bytes: Uint8Array, start: number): boolean {
  if (start < 0 || start + literal.length > bytes.length) return false;
  for (let index = 0; index < literal.length; index += 1) {
    if (literal[index] !== bytes[start + index]) return false;
  }
  return true;
}

export function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function byteAt(bytes: Uint8Array, position: number): number {
  return bytes[position] ?? 0;
}
